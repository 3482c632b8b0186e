"""Emit the events of supplies, orders and claims, each with the resource that GET would return to its reader."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.base import Resource
from schemas.claims import Claim as ClaimResource
from schemas.orders import Order as OrderResource
from schemas.supplies import Supply as SupplyResource
from shared.desk.orders import OrderAggregate, as_of_now
from shared.domain.desk import supplies
from shared.domain.desk.claims import Claim
from shared.domain.desk.settlement import Payment
from shared.domain.desk.supplies import Supply
from shared.store.unit_of_work import UnitOfWork


def emit_supply(unit: UnitOfWork, before: Supply | None, after: Supply) -> SupplyResource:
    """Emit the change of a supply to its owner; returns its resource."""
    view = SupplyResource.of(after)
    unit.emit(supplies.event(before, after), after.id, after.version, view, feed=[after.user_id])
    return view


def emit_order(unit: UnitOfWork, kind: str, aggregate: OrderAggregate) -> OrderResource:
    """Emit an event of an order: the whole order to its owner, the public part to its claimer."""
    order, view = aggregate.order, as_of_now(aggregate.view, unit.now)
    feed: dict[str, Resource] = {order.user_id: view}
    if order.claimer_id is not None:
        feed[order.claimer_id] = view.public()
    unit.emit(kind, order.id, order.version, view, feed)
    return view


def emit_claim(unit: UnitOfWork, kind: str, claim: Claim, payments: Iterable[Payment] = ()) -> ClaimResource:
    """Emit an event of a claim to its claimer and the order's owner."""
    view = ClaimResource.of(claim, payments)
    unit.emit(kind, claim.id, claim.version, view, feed=[claim.order_user_id, claim.user_id])
    return view
