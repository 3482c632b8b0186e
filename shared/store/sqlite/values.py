"""Store Spanner's values in SQLite so that both sort them in the same order.

STRING is TEXT (both compare UTF-8 byte by byte), BYTES a BLOB, INT64 and BOOL an INTEGER, TIMESTAMP an INTEGER of
microseconds since 1970, NUMERIC a decimal TEXT (`functions` adds and compares it), ARRAY a JSON TEXT.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Any, Final

from shared.store.port import COMMIT_TIMESTAMP

Convert = Callable[[Any], Any]
COMMITTED: Final = object()  # placeholder for the commit timestamp, which is known at the end
EXACT: Final = Context(prec=100)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Microseconds since 1970; a time without a zone counts as UTC, as in Spanner's client."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def moment(since: int) -> datetime:
    return _EPOCH + timedelta(microseconds=since)


def encoder(kind: str, commit_timestamp: bool = False) -> Convert:
    """The function that encodes values of a column of this Spanner type; it raises TypeError for other types."""
    if kind == "TIMESTAMP" and commit_timestamp:
        return lambda value: COMMITTED if value == COMMIT_TIMESTAMP else _time(value)
    return _array if kind.startswith("ARRAY") else _ENCODERS[kind.partition("(")[0]]


def decoder(kind: str) -> Convert | None:
    """The function that decodes stored values; None if they need no decoding."""
    return json.loads if kind.startswith("ARRAY") else _DECODERS.get(kind.partition("(")[0])


def longest(kind: str) -> int:
    """The maximum length of a STRING in characters or BYTES in bytes; 0 if unlimited."""
    found = re.fullmatch(r"(?:STRING|BYTES)\((\d+)\)", kind)
    return int(found[1]) if found else 0


def _is(*types: type) -> Convert:
    def check(value: Any) -> Any:
        if isinstance(value, types) and type(value) is not bool:
            return value
        raise TypeError(f"{type(value).__name__} is not {types[0].__name__}")

    return check


def _bool(value: Any) -> int:
    if type(value) is not bool:
        raise TypeError(f"{type(value).__name__} is not bool")
    return int(value)


def _int(value: Any) -> int:
    if not isinstance(value, int) or type(value) is bool or not -(2**63) <= value < 2**63:
        raise TypeError(f"not an integer of 64 bits: {type(value).__name__}")
    return value


def _time(value: Any) -> int:
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} is not datetime")
    return micros(value)


def _numeric(value: Any) -> str:
    if not isinstance(value, Decimal | int) or type(value) is bool:
        raise TypeError(f"{type(value).__name__} is not Decimal")
    return numeric_text(Decimal(value))


def numeric_text(value: Decimal) -> str:
    """The canonical text of a NUMERIC. Raises TypeError beyond 29 digits before the point or 9 after it."""
    scaled = EXACT.scaleb(value, 9)
    if not value.is_finite() or scaled != EXACT.to_integral_value(scaled) or EXACT.abs(value) >= 10**29:
        raise TypeError("not a NUMERIC")
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def _array(value: Any) -> str:
    if not isinstance(value, list | tuple):
        raise TypeError(f"{type(value).__name__} is not list")
    return json.dumps(list(value))


_ENCODERS: Final[dict[str, Convert]] = {
    "STRING": _is(str),
    "BYTES": _is(bytes),
    "INT64": _int,
    "BOOL": _bool,
    "FLOAT64": _is(float, int),
    "TIMESTAMP": _time,
    "NUMERIC": _numeric,
}
_DECODERS: Final[dict[str, Convert]] = {"BOOL": bool, "TIMESTAMP": moment, "NUMERIC": Decimal}
STORED: Final = {
    "STRING": "TEXT",
    "BYTES": "BLOB",
    "INT64": "INTEGER",
    "BOOL": "INTEGER",
    "FLOAT64": "REAL",
    "TIMESTAMP": "INTEGER",
    "NUMERIC": "TEXT",
    "ARRAY": "TEXT",
}
