"""Time and identifiers, the only sources of non-determinism that an operation may use."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The current time, timezone-aware, in UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def new_id(prefix: str) -> str:
    """A random identifier such as `ord_5xk…`: 120 bits, never sequential (no Spanner hot spots)."""
    return f"{prefix}_{_text(secrets.token_bytes(15))}"


class IdSource:
    """Random ids that are the same in each re-run of a transaction body."""

    def __init__(self) -> None:
        self._seed = secrets.token_bytes(16)
        self._count = 0

    def rewind(self) -> None:
        """Start the sequence again, before a re-run."""
        self._count = 0

    def next(self, prefix: str) -> str:
        self._count += 1
        digest = hashlib.blake2b(self._count.to_bytes(4, "big"), key=self._seed, digest_size=15).digest()
        return f"{prefix}_{_text(digest)}"


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode().lower()
