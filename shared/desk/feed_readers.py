"""Limits for readers that stay connected: event streams, and lists that wait.

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

PLACES, OF_ONE_USER = 8, 2  # at once in one instance, of each kind of reader that holds a thread


class TooManyStreams(Refusal):
    code, status, message = "TOO_MANY_STREAMS", 429, "You have too many open event streams."
    retry_after = 5.0


class Places:
    """How many places this process has given out, by user."""

    def __init__(self, places: int = PLACES, of_one_user: int = OF_ONE_USER) -> None:
        self.places, self.of_one_user = places, of_one_user
        self._of: Counter[str] = Counter()
        self._lock = threading.Lock()

    def enter(self, user_id: str) -> None:
        """Raises TooManyStreams for a user who has enough, Unready when all are taken."""
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
        """A place for as long as the block runs. Raises as `enter` does."""
        self.enter(user_id)
        try:
            yield
        finally:
            self.leave(user_id)


class OpenStreams(Places):
    """Of event streams."""


class WaitingLists(Places):
    """Of lists of events that wait."""
