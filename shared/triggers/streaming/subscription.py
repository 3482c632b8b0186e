"""What an authorised reader streams: their own events or those of all users, of which types, from which position on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from shared import resources
from shared.domain.permissions import Caller
from shared.feed import all_events, user_events
from shared.feed.readers import OpenStreams, Place
from shared.feed.user_events import Chunk
from shared.store.port import Key

MAX_SECONDS: Final = 600.0  # seconds; clients reconnect by themselves
KEEP_ALIVE: Final = 15.0  # seconds without an event
CHECK: Final = 10.0  # seconds between checks of a stream's credential


@dataclass(slots=True)
class Subscription:
    """A place among the open streams, held until `leave`."""

    caller: Caller
    types: frozenset[str] | None
    position: Key
    everybody: bool
    _place: Place = field(repr=False)

    @classmethod
    def enter(
        cls, caller: Caller, types: frozenset[str] | None, position: Key, *, everybody: bool = False
    ) -> Subscription:
        """Take a place. Raises TooManyStreams if the user has too many, Unready if no place is free."""
        return cls(caller, types, position, everybody, resources.memory(OpenStreams).enter(caller.user_id))

    @property
    def wanted(self) -> bool:
        """Whether another user needs the place, so that the stream must end."""
        return self._place.wanted.is_set()

    def read(self, after: Key, limit: int) -> Chunk:
        """The events of the subscription after a position, by a strong read."""
        if self.everybody:
            return all_events.read_from(after, self.types, limit)
        return user_events.read_from(self.caller.user_id, after, self.types, limit)

    def leave(self) -> None:
        """Release the place. Calling it again does nothing."""
        resources.memory(OpenStreams).leave(self._place)
