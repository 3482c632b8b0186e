"""SQL functions that checks and generated columns use and that SQLite lacks."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from shared.store.sqlite.values import EXACT, numeric_text

_Number = str | int | None


def register(connection: sqlite3.Connection) -> None:
    """Register the functions with a connection; without them, rows can be read but not written."""
    for name, (count, function) in _FUNCTIONS.items():
        connection.create_function(name, count, function, deterministic=True)


def _numeric_add(one: _Number, other: _Number) -> str | None:
    if one is None or other is None:
        return None
    return numeric_text(EXACT.add(Decimal(one), Decimal(other)))


def _numeric_subtract(one: _Number, other: _Number) -> str | None:
    if one is None or other is None:
        return None
    return numeric_text(EXACT.subtract(Decimal(one), Decimal(other)))


def _numeric_compare(one: _Number, other: _Number) -> int | None:
    if one is None or other is None:
        return None
    return int(EXACT.compare(Decimal(one), Decimal(other)))


def _remainder(one: int | None, other: int | None) -> int | None:
    """MOD: the result has the sign of the dividend."""
    if one is None or other is None:
        return None
    left = abs(one) % abs(other)
    return left if one >= 0 else -left


def _fingerprint(text: str | bytes | None) -> int | None:
    """A substitute for FARM_FINGERPRINT: other numbers, equally well spread. No code may rely on their values."""
    return None if text is None else zlib.crc32(text.encode() if isinstance(text, str) else text)


_FUNCTIONS: Final[dict[str, tuple[int, Callable[..., str | int | None]]]] = {
    "numeric_add": (2, _numeric_add),
    "numeric_subtract": (2, _numeric_subtract),
    "numeric_compare": (2, _numeric_compare),
    "remainder": (2, _remainder),
    "fingerprint": (1, _fingerprint),
}
