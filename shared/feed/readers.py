"""Limits for readers that stay connected: event streams, and lists that wait for events.

An instance has a limited number of places, and few per user, so that nobody takes all of them. A reader that blocks a
thread gets fewer places than one on the asynchronous server (`shared.triggers.streaming`).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from shared.domain.errors import Refusal
from shared.runtime.errors import Unready

PLACES, OF_ONE_USER = 8, 2  # simultaneous readers in one instance, for each kind that holds a thread


class TooManyStreams(Refusal):
    code, status, message = "TOO_MANY_STREAMS", 429, "You have too many open event streams."
    retry_after = 5.0


class Places:
    """The places that this process has given out, by user."""

    def __init__(self, places: int = PLACES, of_one_user: int = OF_ONE_USER) -> None:
        self.places, self.of_one_user = places, of_one_user
        self._of: Counter[str] = Counter()
        self._lock = threading.Lock()

    def enter(self, user_id: str) -> None:
        """Take a place. Raises TooManyStreams if the user has too many, Unready if no place is free."""
        with self._lock:
            if self._of[user_id] >= self.of_one_user:
                raise TooManyStreams
            if self._of.total() >= self.places:
                raise Unready("This instance serves as many streams as it can; try again.")
            self._of[user_id] += 1

    @property
    def count(self) -> int:
        return self._of.total()

    def leave(self, user_id: str) -> None:
        with self._lock:
            self._of[user_id] -= 1
            if not self._of[user_id]:
                del self._of[user_id]

    @contextmanager
    def held(self, user_id: str) -> Iterator[None]:
        """Hold a place for as long as the block runs. Raises like `enter`."""
        self.enter(user_id)
        try:
            yield
        finally:
            self.leave(user_id)


class OpenStreams(Places):
    """Places for event streams."""


class WaitingLists(Places):
    """Places for lists that wait for events."""
