"""Double entry, per supply: available, reserved, settled and the outside world."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Account = Literal["available", "reserved", "settled", "external"]
Verb = Literal["fund", "reserve", "release", "settle", "withdraw", "adjust"]


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One immutable line, key (supply_id, supply_version, ord); a version's lines sum to zero."""

    supply_id: str
    supply_version: int  # the version of the supply that this movement made
    ord: int
    verb: Verb
    account: Account
    amount: int  # signed change in base units
    balance_after: int  # of this account; external = -(available + reserved + settled)
    reference: str | None  # the order, claim or payment's transaction that caused it
    created_at: datetime
