"""Place an order: its exact total is reserved from the owner's active supplies, all or nothing.

The supplies that pay are chosen for you unless you name them by `supply_ids`. If they do not hold enough, the answer is
409 INSUFFICIENT_SUPPLY and nothing is reserved. The order is open at once: others may claim it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
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
from shared.store.tables import metadata, supplies
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

STALE_SECONDS = 10.0  # the age of a snapshot that is good enough to choose supplies
CANDIDATES = 100  # supplies, the largest first, that are read again if the chosen ones do not suffice


@http(
    "POST",
    "/orders",
    permission="order:write",
    others="owner",
    request=PlaceOrder,
    answer=Order,
    status=201,
    location="/orders/{id}",
    idempotency="required",
    publishes=("order-events", "supply-events"),
)
@message("order-commands", type="order.place", request=PlaceOrder)
def place_order(request: PlaceOrder, caller: Caller) -> Order:
    asset = desk_supplies.asset_of(request.chain, request.currency)
    order_id = new_id("ord")
    total = sum(item.total for item in rules.items(order_id, request.lines(), asset.decimals))
    draft = _Draft(request, caller.user_id, order_id, asset, total)
    for candidates in _candidates(draft):
        try:
            return commit(_place, draft, candidates)
        except (InsufficientSupply, TooFragmented) as refusal:
            refused = refusal
    raise refused


class _Draft(NamedTuple):
    """The order to be placed; `total` in base units."""

    request: PlaceOrder
    user_id: str
    order_id: str
    asset: Asset
    total: int


class _Candidates(NamedTuple):
    """Ids of supplies: the chosen ones, and every supply that may be used if those do not suffice any more."""

    chosen: list[str]
    every: list[str]


def _candidates(draft: _Draft) -> Iterator[_Candidates]:
    """The supplies that the request names; otherwise the owner's active supplies, first by a recent snapshot and then
    by a strong one.

    The transaction reads the chosen supplies again, and every candidate only if those do not suffice any more."""
    named = draft.request.supply_ids
    if named is not None:
        yield _Candidates(named, named)
        return
    for staleness in (STALE_SECONDS, None):
        snapshot = Session(resources.database().snapshot(staleness=staleness))
        rows = snapshot.many(supplies.active_of(draft.user_id, draft.asset.chain, draft.asset.symbol))
        available = {row["supply_id"]: row["available"] for row in rows}
        chosen = [supply_id for supply_id, _ in shares(draft.order_id, draft.total, available)]
        largest = sorted(available, key=lambda supply_id: -available[supply_id])
        yield _Candidates(chosen[: 2 * MAX_ALLOCATIONS], largest[:CANDIDATES])


def _place(unit: UnitOfWork, draft: _Draft, candidates: _Candidates) -> Order:
    before, placed = _reserve(unit, draft, candidates)
    order = replace(placed.order, metadata=draft.request.metadata)
    unit.write(
        order, *placed.items, *placed.allocations, *metadata.entries(order), *timers.order_expiry(order)
    )
    desk_supplies.write(unit, before, placed.moves)
    return emit_order(unit, "order.created", OrderAggregate(order, placed.items, placed.allocations))


def _reserve(unit: UnitOfWork, draft: _Draft, candidates: _Candidates) -> tuple[list[Supply], Placed]:
    """The supplies as they were read, and the order that reserves from some of them. Raises NotFound for a named supply
    of another user, InsufficientSupply, TooFragmented."""
    chosen = _read(unit, candidates.chosen)
    named = draft.request.supply_ids
    if named is not None and {s.id for s in chosen if s.user_id == draft.user_id} != set(named):
        raise NotFound("There is no such supply.")
    try:
        return chosen, _decide(unit, draft, chosen)
    except (InsufficientSupply, TooFragmented):
        if set(candidates.chosen) == set(candidates.every):
            raise
    every = _read(unit, candidates.every)
    return every, _decide(unit, draft, every)


def _read(unit: UnitOfWork, supply_ids: list[str]) -> list[Supply]:
    return unit.many(supplies.by_ids(supply_ids)) if supply_ids else []


def _decide(unit: UnitOfWork, draft: _Draft, offered: list[Supply]) -> Placed:
    return rules.place(
        order_id=draft.order_id,
        user_id=draft.user_id,
        asset=draft.asset,
        lines=draft.request.lines(),
        supplies=offered,
        note=draft.request.note,
        expires_at=draft.request.expires_at,
        new_id=unit.new_id,
        now=unit.now,
    )
