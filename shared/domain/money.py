"""Amounts: decimal strings in the API, integers in base units inside, never floats.

The largest amount has 29 integer digits (Spanner NUMERIC), so that every sum that the product stores fits a column.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.domain.errors import InvalidValue

MAX_AMOUNT: Final = 10**29 - 1  # base units
MAX_DECIMALS: Final = 28  # of a currency of the desk: one whole unit is not more than MAX_AMOUNT
MAX_AMOUNT_TEXT: Final = 66  # characters of the longest amount that is read at all
AMOUNT_PATTERN: Final = r"^(0\.[0-9]*[1-9][0-9]*|[1-9][0-9]{0,28}(\.[0-9]{1,36})?)$"  # greater than zero
_DECIMAL: Final = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?")


@dataclass(frozen=True, slots=True)
class Asset:
    """A currency on a chain; `token_address` is None for the chain's native coin."""

    chain: str
    symbol: str
    token_address: str | None
    decimals: int


def parse_amount(text: str, decimals: int, field: str = "amount") -> int:
    """The base units of a decimal string such as "1.5".

    Raises InvalidValue naming `field` for anything but a plain decimal number (no exponents, plus signs, spaces, other
    digits, leading zeros), for amounts that are not positive, for more decimals than the asset has, and for more than
    MAX_AMOUNT base units.
    """
    match = _DECIMAL.fullmatch(text) if len(text) <= MAX_AMOUNT_TEXT else None
    if match is None:
        raise InvalidValue(field, "must be a decimal number such as 1.5")
    sign, whole, fraction = match.group(1), match.group(2), (match.group(3) or "").rstrip("0")
    if len(fraction) > decimals:
        raise InvalidValue(field, f"must not have more than {decimals} decimals")
    value = int(whole) * 10**decimals + int(fraction.ljust(decimals, "0") or "0")
    if sign or value == 0:
        raise InvalidValue(field, "must be greater than zero")
    return bounded(value, field)


def format_amount(value: int, decimals: int) -> str:
    """The canonical decimal string of base units: no trailing zeros, no exponent, "0" for nothing."""
    whole, fraction = divmod(abs(value), 10**decimals)
    text = f"{whole}.{fraction:0{decimals}d}".rstrip("0") if fraction else str(whole)
    return f"-{text}" if value < 0 else text


def bounded(value: int, field: str) -> int:
    """Return the value. Raises InvalidValue naming `field` if it is larger than the ledger can hold."""
    if value > MAX_AMOUNT:
        raise InvalidValue(field, "must not be larger than the ledger can hold")
    return value


def in_future(moment: datetime | None, now: datetime, field: str = "expires_at") -> datetime | None:
    """Return the moment (None: never). Raises InvalidValue naming `field` if it has passed."""
    if moment is not None and moment <= now:
        raise InvalidValue(field, "must be in the future")
    return moment
