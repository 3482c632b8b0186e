"""A small, short-lived cache of unwrapped data keys."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MAX_SECONDS = 300.0


class DataKeyCache:
    """A bounded least-recently-used map whose keys expire after at most five minutes; use does not extend this time.

    After a right is withdrawn or a key is destroyed in the key service, an instance can open secrets for at most that
    long."""

    def __init__(
        self,
        entries: int = 1024,
        seconds: float = MAX_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 0 <= seconds <= MAX_SECONDS:
            raise ValueError("data keys are kept for at most five minutes")
        self._entries = entries
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()

    def get(self, name: bytes) -> bytes | None:
        """The key under `name`, or None if it is absent or expired."""
        now = self._clock()
        with self._lock:
            self._forget_expired(now)
            entry = self._keys.get(name)
            if entry is None:
                return None
            self._keys.move_to_end(name)
            return entry[1]

    def put(self, name: bytes, key: bytes) -> None:
        """Store `key` under `name`; if the cache is full, the least recently used key is dropped."""
        with self._lock:
            self._keys[name] = (self._clock() + self._seconds, key)
            self._keys.move_to_end(name)
            while len(self._keys) > self._entries:
                self._keys.popitem(last=False)

    def _forget_expired(self, now: float) -> None:
        for name in [name for name, (until, _) in self._keys.items() if until <= now]:
            del self._keys[name]
