"""Double-entry ledger per supply, with the accounts available, reserved, settled and external.

Every change of a supply is one transfer from one account to another: two immutable lines that sum to zero and contain
the balance after them. The supply row holds the balances; the lines explain how they came about. `external` is kept
per supply (minus the amount of the supply), so that there is no system account for which all writers would compete.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final, Literal, Protocol

Account = Literal["available", "reserved", "settled", "external"]
Verb = Literal["fund", "reserve", "release", "settle", "withdraw", "adjust"]

FLOWS: Final[dict[Verb, tuple[Account, Account]]] = {
    "fund": ("external", "available"),
    "reserve": ("available", "reserved"),
    "release": ("reserved", "available"),
    "settle": ("reserved", "settled"),
    "withdraw": ("available", "external"),
    "adjust": ("settled", "reserved"),  # a reorganised chain took a payout back
}


class Balances(Protocol):
    """The fields of a supply that the ledger uses; amounts in base units."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def amount(self) -> int: ...
    @property
    def available(self) -> int: ...
    @property
    def reserved(self) -> int: ...
    @property
    def settled(self) -> int: ...


class BrokenLedger(RuntimeError):
    """A change of a supply is not the transfer that it claims to be: a bug, never a caller's mistake."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One immutable line. The key is (supply_id, supply_version, ord); the lines of a version sum to zero."""

    supply_id: str
    supply_version: int  # the version of the supply that this movement made
    ord: int
    verb: Verb
    account: Account
    amount: int  # signed change in base units
    balance_after: int  # of this account; external = -(available + reserved + settled)
    reference: str | None  # the order, claim or payment's transaction that caused it
    created_at: datetime


def balances(supply: Balances | None) -> dict[Account, int]:
    """The four accounts of a supply in base units; all zero for a supply that does not exist yet."""
    if supply is None:
        return dict.fromkeys(("available", "reserved", "settled", "external"), 0)
    return {
        "available": supply.available,
        "reserved": supply.reserved,
        "settled": supply.settled,
        "external": -supply.amount,
    }


def entries(
    before: Balances | None, after: Balances, verb: Verb, reference: str | None, now: datetime
) -> tuple[LedgerEntry, ...]:
    """The two lines of the transfer that changes one version of a supply into the next.

    Raises BrokenLedger unless the rows differ by exactly one transfer of `verb` and one version, and if a balance is
    negative or the balances do not add up."""
    old, new = balances(before), balances(after)
    source, target = FLOWS[verb]
    moved = new[target] - old[target]
    expected = old | {source: old[source] - moved, target: old[target] + moved}
    version = before.version + 1 if before else 1
    total: int = sum(new.values())
    if moved <= 0 or new != expected or after.version != version or total or _negative(new):
        raise BrokenLedger(f"{after.id} version {after.version}: {old} to {new} is not a {verb}")
    return tuple(
        LedgerEntry(after.id, after.version, ord_, verb, account, change, new[account], reference, now)
        for ord_, (account, change) in enumerate(((source, -moved), (target, moved)))
    )


def replay(lines: Iterable[LedgerEntry], until: datetime | None = None) -> dict[Account, int]:
    """The balances that result from a supply's lines, up to and including a time, in base units."""
    result = balances(None)
    for line in lines:
        if until is None or line.created_at <= until:
            result[line.account] += line.amount
    return result


def verify(supply: Balances, lines: Iterable[LedgerEntry]) -> list[str]:
    """A sentence for each difference between a supply and its lines; empty if they agree."""
    return list(_differences(supply, sorted(lines, key=lambda line: (line.supply_version, line.ord))))


def _differences(supply: Balances, lines: list[LedgerEntry]) -> Iterator[str]:
    running = balances(None)
    for version, group in groupby(lines, key=lambda line: line.supply_version):
        transfer = list(group)
        if sum(line.amount for line in transfer):
            yield f"{supply.id}: the lines of version {version} do not sum to zero"
        if [line.ord for line in transfer] != list(range(len(transfer))):
            yield f"{supply.id}: lines of version {version} are missing"
        for line in transfer:
            running[line.account] += line.amount
            if line.balance_after != running[line.account]:
                yield f"{supply.id}: balance of {line.account} after version {version} is wrong"
        if _negative(running):
            yield f"{supply.id}: a balance is negative after version {version}"
        if version > supply.version:
            yield f"{supply.id}: version {version} is newer than the supply"
    if running != balances(supply):
        yield f"{supply.id}: the lines make {running}, the supply says {balances(supply)}"
    if supply.available + supply.reserved + supply.settled != supply.amount:
        yield f"{supply.id}: available, reserved and settled do not make the amount"


def _negative(state: dict[Account, int]) -> bool:
    return any(value < 0 for account, value in state.items() if account != "external")
