"""Choose which supplies pay an order, reserve the amounts in them, and release reservations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Final, NamedTuple

from shared.domain.desk.states import AllocationStatus
from shared.domain.desk.supplies import Moved, Supply, accepts, release, reserve
from shared.domain.errors import Refusal
from shared.domain.money import Asset, format_amount

MAX_ALLOCATIONS: Final = 8


class InsufficientSupply(Refusal):
    """`data.shortfall` is the missing amount, a decimal string in the order's currency."""

    code, status = "INSUFFICIENT_SUPPLY", 409
    message = "The active supplies do not cover the order: add one, or raise one."


class TooFragmented(Refusal):
    """`data.limit` is the largest number of supplies that may pay one order."""

    code, status = "TOO_FRAGMENTED", 409
    message = "The order would need too many supplies: place smaller orders, or use larger supplies."


@dataclass(frozen=True, slots=True)
class Allocation:
    """The part of an order that one supply pays. The key is (order_id, id); amounts are in base units."""

    order_id: str
    id: str  # alc_…
    supply_id: str
    wallet_id: str
    amount: int
    settled: int
    status: AllocationStatus
    version: int
    created_at: datetime
    updated_at: datetime


class Part(NamedTuple):
    """A supply, and the base units that it pays."""

    supply: Supply
    amount: int


class Released(NamedTuple):
    """The changed rows of released reservations."""

    allocations: tuple[Allocation, ...]
    moves: tuple[Moved, ...]


def choose(
    order_id: str, asset: Asset, amount: int, supplies: Iterable[Supply], now: datetime
) -> tuple[Part, ...]:
    """Divide `amount` base units among the supplies that accept orders in this asset now.

    If single supplies can cover the amount, the hash of the order id picks one of them, so that orders are spread over
    the rows. Otherwise the fewest possible supplies pay, the largest first. Raises InsufficientSupply, TooFragmented.
    """
    usable = {supply.id: supply for supply in supplies if accepts(supply, asset, now) and supply.available}
    parts = shares(order_id, amount, {supply.id: supply.available for supply in usable.values()})
    left = amount - sum(part for _, part in parts)
    if left:
        raise InsufficientSupply(shortfall=format_amount(left, asset.decimals))
    if len(parts) > MAX_ALLOCATIONS:
        raise TooFragmented(limit=MAX_ALLOCATIONS)
    return tuple(Part(usable[supply_id], part) for supply_id, part in parts)


def shares(order_id: str, amount: int, available: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """The amount that each supply would pay, by the rule of `choose`. `available`: base units by supply id.

    If they do not suffice together, each pays all that it has: the caller compares the sum with `amount`.
    """
    covering = sorted(supply_id for supply_id, units in available.items() if units >= amount)
    if covering:
        pick = int.from_bytes(sha256(order_id.encode()).digest()) % len(covering)
        return ((covering[pick], amount),)
    parts: list[tuple[str, int]] = []
    left = amount
    for supply_id, units in sorted(available.items(), key=lambda entry: (-entry[1], entry[0])):
        parts.append((supply_id, min(left, units)))
        left -= parts[-1][1]
        if not left:
            break
    return tuple(parts)


def allocate(
    order_id: str, allocation_id: str, supply: Supply, amount: int, now: datetime
) -> tuple[Allocation, Moved]:
    """Reserve `amount` base units of a supply for an order: the new allocation, and the supply's move.

    Raises InvalidState if the supply takes no such reservation now.
    """
    moved = reserve(supply, amount, order_id, now)
    allocation = Allocation(
        order_id=order_id,
        id=allocation_id,
        supply_id=supply.id,
        wallet_id=supply.wallet_id,
        amount=amount,
        settled=0,
        status="reserved",
        version=1,
        created_at=now,
        updated_at=now,
    )
    return allocation, moved


def release_all(
    order_id: str, allocations: Sequence[Allocation], supplies: Sequence[Supply], now: datetime
) -> Released:
    """Release all amounts that the allocations still reserve; `supplies` must contain the supplies of those."""
    by_id = {supply.id: supply for supply in supplies}
    reserved = [a for a in allocations if a.status == "reserved"]
    moves = tuple(release(by_id[a.supply_id], a.amount, order_id, now) for a in reserved)
    return Released(tuple(with_status(a, "released", now) for a in reserved), moves)


def with_status(allocation: Allocation, status: AllocationStatus, now: datetime) -> Allocation:
    """The next version of the allocation in this status, with the settled amount that belongs to it."""
    settled = allocation.amount if status == "settled" else 0
    return replace(allocation, status=status, settled=settled, version=allocation.version + 1, updated_at=now)
