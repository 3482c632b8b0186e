"""Hints that a process remembers, as many as it has room for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(OrderedDict[K, V]):
    """At most `most` entries: what was set longest ago makes room. Threads may get, set and pop."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most, self._lock = most, threading.Lock()

    def __setitem__(self, key: K, value: V) -> None:
        with self._lock:
            self.pop(key, None)
            super().__setitem__(key, value)
            while len(self) > self._most:
                self.popitem(last=False)


# One run at a time per name in this process: whoever comes meanwhile makes the running one go round again.


class Turns:
    """Not for safety (several processes compete all the same): it saves signing what another thread signs."""

    def __init__(self) -> None:
        self._again: dict[str, bool] = {}
        self._lock = threading.Lock()

    def run(self, name: str, work: Callable[[], None]) -> None:
        """Do the work, or leave it to the thread that is at it, which then looks once more."""
        with self._lock:
            if name in self._again:
                self._again[name] = True
                return
            self._again[name] = False
        try:
            while True:
                work()
                with self._lock:
                    if not self._again[name]:
                        del self._again[name]
                        return
                    self._again[name] = False
        except BaseException:
            with self._lock:
                self._again.pop(name, None)
            raise
