"""Place an order: its exact total is reserved from the owner's active supplies, all or nothing.

A snapshot that may be some seconds old says which supplies would pay; only those are read again, by key, in the
transaction. Should they not suffice any more, every candidate is, and then those of a strong snapshot.
"""

from __future__ import annotations

from typing import NamedTuple

from schemas.orders import Order, PlaceOrder
from shared import resources
from shared.desk import supplies as desk_supplies
from shared.desk import timers
from shared.desk.events import emit_order
from shared.desk.orders import OrderAggregate
from shared.domain.desk import orders as rules
from shared.domain.desk.allocation import MAX_ALLOCATIONS, InsufficientSupply, TooFragmented, shares
from shared.domain.desk.orders import Placed
from shared.domain.desk.supplies import Supply
from shared.domain.errors import NotFound
from shared.domain.money import Asset
from shared.domain.permissions import Caller
from shared.runtime.clock import new_id
from shared.runtime.operation import http, message
from shared.store.session import Session
from shared.store.tables import supplies
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

STALE_SECONDS = 10.0
CANDIDATES = 100  # supplies, the largest first, that are read again when the snapshot's choice fails


@http(
    "POST",
    "/orders",
    permission="order:write",
    request=PlaceOrder,
    answer=Order,
    status=201,
    idempotency="required",
    publishes=("order-events", "supply-events"),
)
@message("order-commands", type="order.place", request=PlaceOrder)
def place_order(request: PlaceOrder, caller: Caller) -> Order:
    asset = desk_supplies.of(request.chain, request.currency)
    wanted = _Wanted(request, caller.user_id, asset, new_id("ord"))
    total = sum(item.total for item in rules.items(wanted.order_id, request.lines(), asset.decimals))
    if request.supply_ids is not None:
        return commit(_place, wanted, request.supply_ids, request.supply_ids)
    try:
        return commit(_place, wanted, *_candidates(wanted, total, STALE_SECONDS))
    except (InsufficientSupply, TooFragmented):
        return commit(_place, wanted, *_candidates(wanted, total, None))


def _candidates(wanted: _Wanted, total: int, staleness: float | None) -> tuple[list[str], list[str]]:
    """The supplies that would pay, and the largest of all, as a snapshot shows them."""
    snapshot = Session(resources.database().snapshot(staleness=staleness))
    seen = snapshot.many(supplies.active_of(wanted.user_id, wanted.asset.chain, wanted.asset.symbol))
    available = {row["supply_id"]: row["available"] for row in seen}
    first = [supply_id for supply_id, _ in shares(wanted.order_id, total, available)]
    every = sorted(available, key=lambda supply_id: -available[supply_id])[:CANDIDATES]
    return first[: 2 * MAX_ALLOCATIONS], every


class _Wanted(NamedTuple):
    request: PlaceOrder
    user_id: str
    asset: Asset
    order_id: str


def _place(unit: UnitOfWork, wanted: _Wanted, first: list[str], every: list[str]) -> Order:
    offered = _read(unit, first)
    named = wanted.request.supply_ids
    if named is not None and {s.id for s in offered if s.user_id == wanted.user_id} != set(named):
        raise NotFound("There is no such supply.")
    try:
        placed = _decide(unit, wanted, offered)
    except (InsufficientSupply, TooFragmented):
        if set(first) == set(every):
            raise
        offered = _read(unit, every)
        placed = _decide(unit, wanted, offered)
    unit.write(placed.order, *placed.items, *placed.allocations, *timers.order_expiry(placed.order))
    desk_supplies.move(unit, offered, placed.moves)
    return emit_order(unit, "order.created", OrderAggregate(placed.order, placed.items, placed.allocations))


def _read(unit: UnitOfWork, supply_ids: list[str]) -> list[Supply]:
    return unit.many(supplies.by_ids(supply_ids)) if supply_ids else []


def _decide(unit: UnitOfWork, wanted: _Wanted, offered: list[Supply]) -> Placed:
    return rules.place(
        order_id=wanted.order_id,
        user_id=wanted.user_id,
        asset=wanted.asset,
        lines=wanted.request.lines(),
        supplies=offered,
        note=wanted.request.note,
        expires_at=wanted.request.expires_at,
        new_id=unit.new_id,
        now=unit.now,
    )
