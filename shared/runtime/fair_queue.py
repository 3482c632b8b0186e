"""A fair queue of threads and processes for a resource with one writer at a time."""

from __future__ import annotations

import fcntl
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class TurnNotReached(TimeoutError):
    """The turn did not come in time, because others hold it or wait in front."""


class FairQueue:
    """A queue with one holder at a time, in order of arrival; re-entrant use is a bug and would hang.

    A process that dies releases its turn. A paused process keeps it, so a wait may have a limit."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w")
        weakref.finalize(self, self._file.close)
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._busy = False
        # Set when the file lock that a thread requested is granted.
        self._requested: threading.Event | None = None

    @contextmanager
    def turn(self, seconds: float | None = None) -> Iterator[None]:
        """Wait until it is this thread's turn, and hold it in the block. Raises TurnNotReached after `seconds`."""
        until = None if seconds is None else time.monotonic() + seconds
        self._queue_up(until)
        try:
            self._lock_file(until)
            yield
        finally:
            self._leave()

    def _queue_up(self, until: float | None) -> None:
        """Wait for the turn among the threads of this process."""
        with self._lock:
            if not self._busy:
                self._busy = True
                return
            mine = threading.Event()
            self._waiting.append(mine)
        try:
            mine.wait(_left(until))
        finally:
            with self._lock:
                gave_up = mine in self._waiting
                if gave_up:
                    self._waiting.remove(mine)
        if gave_up:
            raise TurnNotReached("other threads of this process have the turn")

    def _lock_file(self, until: float | None) -> None:
        """Wait for the turn among processes. If the lock is not free, a helper thread waits for it, in the system's
        order. The caller may give up; the next caller of this process then takes over that place."""
        with self._lock:
            if self._requested is None:
                try:
                    fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                except BlockingIOError:
                    self._requested = threading.Event()
                    threading.Thread(target=self._wait_for_lock, args=(self._requested,), daemon=True).start()
            requested = self._requested
        if requested.wait(_left(until)):
            self._requested = None
        else:
            raise TurnNotReached("another process has the turn; is one paused?")

    def _wait_for_lock(self, requested: threading.Event) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        with self._lock:
            if self._busy:
                requested.set()
            else:  # nobody waits any more
                self._requested = None
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _leave(self) -> None:
        with self._lock:
            if self._requested is None or (self._requested.is_set() and not self._waiting):
                fcntl.flock(self._file, fcntl.LOCK_UN)
                self._requested = None
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._busy = False


def _left(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())
