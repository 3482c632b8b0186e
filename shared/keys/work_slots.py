"""Limit how many costly derivations run at once in an instance; further ones wait, then are refused."""

from __future__ import annotations

import threading
from types import TracebackType

from shared.domain.errors import Refusal
from shared.keys.errors import KeyWorkBusy


class WorkSlots:
    """`with slots:` waits up to `wait` seconds for one of `slots`, then raises `refusal` (503, Retry-After).

    Nothing else limits memory-hungry derivations (scrypt, argon2id): without this, a few parallel requests would end
    an instance for lack of memory."""

    def __init__(self, slots: int, wait: float, refusal: type[Refusal] = KeyWorkBusy) -> None:
        self._free = threading.BoundedSemaphore(slots)
        self._wait = wait
        self._refusal = refusal

    def __enter__(self) -> None:
        if not self._free.acquire(timeout=self._wait):
            raise self._refusal

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._free.release()
