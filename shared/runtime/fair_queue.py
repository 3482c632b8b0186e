"""A fair queue of threads and processes for what serves one writer at a time."""

from __future__ import annotations

import fcntl
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FairQueue:
    """One holder at a time, in order of arrival; re-entrant use is a bug and would hang.

    A process that dies lets go of it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w")
        weakref.finalize(self, self._file.close)
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._busy = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until it is this thread's turn, and hold it for the block."""
        with self._lock:
            if self._busy:
                mine = threading.Event()
                self._waiting.append(mine)
            else:
                self._busy, mine = True, None
        if mine is not None:
            mine.wait()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
            with self._lock:
                if self._waiting:
                    self._waiting.popleft().set()
                else:
                    self._busy = False
