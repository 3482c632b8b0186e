"""Limits for readers that stay connected: event streams, and lists that wait for events.

An instance has a limited number of places, and few per user. If all are taken, the reader that has been there longest
of the user with the most places makes room: it ends as if its time were over, and its client comes again. So no number
of users takes the places from a user who has none; many of them only shorten everybody's time. A reader that blocks a
thread gets fewer places than one on the asynchronous server (`shared.triggers.streaming`).
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from shared.domain.errors import Refusal
from shared.runtime.errors import Unready

PLACES, OF_ONE_USER = 8, 2  # simultaneous readers in one instance, for each kind that holds a thread
# Each reader has this time, so that clients which come again at once do not only push each other out.
SHORTEST_SECONDS = 2.0


class TooManyStreams(Refusal):
    code, status, message = "TOO_MANY_STREAMS", 429, "You have too many open event streams."
    retry_after = 5.0


@dataclass(slots=True, eq=False)
class Place:
    """One reader's place. If `wanted` is set, another reader needs it: then this one must end soon."""

    user_id: str
    since: float = field(default_factory=time.monotonic)
    wanted: threading.Event = field(default_factory=threading.Event)


class Places:
    """The places that this process has given out, the oldest first."""

    def __init__(self, places: int = PLACES, of_one_user: int = OF_ONE_USER) -> None:
        self.places, self.of_one_user = places, of_one_user
        self._held: dict[Place, None] = {}
        self._of: Counter[str] = Counter()
        self._lock = threading.Lock()

    def enter(self, user_id: str) -> Place:
        """Take a place. Raises TooManyStreams if the user has too many, Unready if no reader can make room yet."""
        with self._lock:
            if self._of[user_id] >= self.of_one_user:
                raise TooManyStreams
            if len(self._held) >= self.places:
                self._make_room(user_id)
            place = Place(user_id)
            self._held[place] = None
            self._of[user_id] += 1
            return place

    def _make_room(self, user_id: str) -> None:
        """Ask for a place of a user who has more places than this one. Raises Unready."""
        staying = [one for one in self._held if not one.wanted.is_set()]
        if len(staying) < self.places:  # one has left since, without being asked
            return
        places_of = Counter(one.user_id for one in staying)
        most = max(places_of.values())
        entered_by = time.monotonic() - SHORTEST_SECONDS
        may_end = [one for one in staying if places_of[one.user_id] == most and one.since <= entered_by]
        leaving = len(self._held) - len(staying)
        if most <= places_of[user_id] or not may_end or leaving >= max(1, self.places // 4):
            raise Unready("This instance serves as many streams as it can; try again.")
        may_end[0].wanted.set()  # the one that has been there longest

    @property
    def count(self) -> int:
        return len(self._held)

    def leave(self, place: Place) -> None:
        """Give a place back. Calling it again does nothing."""
        with self._lock:
            if place in self._held:
                del self._held[place]
                self._of[place.user_id] -= 1
                if not self._of[place.user_id]:
                    del self._of[place.user_id]

    @contextmanager
    def held(self, user_id: str) -> Iterator[Place]:
        """Hold a place for as long as the block runs. Raises like `enter`."""
        place = self.enter(user_id)
        try:
            yield place
        finally:
            self.leave(place)


class OpenStreams(Places):
    """Places for event streams."""


class WaitingLists(Places):
    """Places for lists that wait for events."""
