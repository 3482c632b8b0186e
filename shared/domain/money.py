"""Amounts: decimal strings at the border, integers in base units inside, never a float.

The ledger's bound is 29 integer digits (Spanner NUMERIC), so that every sum the product stores fits a column.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from shared.domain.errors import InvalidValue

MAX_AMOUNT: Final = 10**29 - 1  # base units
AMOUNT_PATTERN: Final = r"^(0|[1-9][0-9]{0,28})(\.[0-9]{1,36})?$"
_DECIMAL: Final = re.compile(AMOUNT_PATTERN)


@dataclass(frozen=True, slots=True)
class Asset:
    """A currency on a chain; `token_address` is None for the chain's native coin."""

    chain: str
    symbol: str
    token_address: str | None
    decimals: int


def parse_amount(text: str, decimals: int, *, field: str = "amount", allow_zero: bool = False) -> int:
    """The base units of a decimal string such as "1.5".

    Raises InvalidValue for: negative or zero amounts, anything that is not plain decimal (exponents, signs,
    spaces, non-ASCII digits, leading zeros), more decimals than the asset has, more than MAX_AMOUNT base units.
    """
    match = _DECIMAL.fullmatch(text) if len(text) <= 66 else None
    if match is None:
        raise InvalidValue(field, "must be a positive decimal number such as 1.5")
    fraction = (match.group(2) or "")[1:].rstrip("0")
    if len(fraction) > decimals:
        raise InvalidValue(field, f"has more than {decimals} decimals")
    value = int(match.group(1)) * 10**decimals + int(fraction.ljust(decimals, "0") or "0")
    if value == 0 and not allow_zero:
        raise InvalidValue(field, "must be greater than zero")
    return within_bound(value, field)


def format_amount(value: int, decimals: int) -> str:
    """The canonical decimal string of base units: no trailing zeros, no exponent, "0" for nothing."""
    sign, digits = ("-", -value) if value < 0 else ("", value)
    whole, fraction = divmod(digits, 10**decimals)
    text = str(fraction).rjust(decimals, "0").rstrip("0") if fraction else ""
    return f"{sign}{whole}.{text}" if text else f"{sign}{whole}"


def within_bound(value: int, field: str) -> int:
    """The value itself; InvalidValue when it is more than the ledger can hold."""
    if value > MAX_AMOUNT:
        raise InvalidValue(field, "is larger than the ledger can hold")
    return value
