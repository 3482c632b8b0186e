"""How a tenure over an order begins: what claiming by id and claiming the next one have in common."""

from __future__ import annotations

from datetime import datetime, timedelta

from schemas.claims import Claim as ClaimView
from shared.desk import timers
from shared.desk.events import emit_claim, emit_order
from shared.desk.orders import OrderAggregate
from shared.domain.desk import claims as rules
from shared.domain.desk.claims import Claim, OrderAlreadyClaimed
from shared.domain.desk.orders import Order
from shared.domain.permissions import Caller
from shared.store.tables import claims, orders, wallets
from shared.store.unit_of_work import UnitOfWork


def begin(
    unit: UnitOfWork,
    order_id: str,
    wallet_id: str | None,
    caller: Caller,
    lease: timedelta,
    *,
    again: bool = True,
) -> ClaimView:
    """Claim the order for the wallet's owner; the same claim with status 200 when it was claimed so before, or a
    refusal when it shall not be the same `again`.

    Raises NotFound, WalletRequired, and what `domain.claims.claim` does."""
    order, claimer = _order_and_claimer(unit, order_id, wallet_id, caller)
    if order.claim_id is not None and not again:
        raise OrderAlreadyClaimed
    rules.refuse_early(order, claimer, unit.now)
    wallet, leases, items, allocations = unit.read(
        wallets.chosen(caller, wallet_id, order.chain),
        claims.leases_of(claimer),
        orders.items_of(order_id),
        orders.allocations_of(order_id),
    )
    holder = None
    if order.claim_id is not None and rules.must_read_holder(order, claimer, unit.now):
        holder = unit.one(claims.by_id(order.claim_id))
    unit.on_conflict(OrderAlreadyClaimed())
    made = rules.claim(order, holder, wallet, leases, claim_id=unit.new_id("clm"), now=unit.now, lease=lease)
    if made.replayed:
        return _again(unit, made.claim)
    if made.lapsed is not None:
        unit.write(made.lapsed)
        emit_claim(unit, "claim.expired", made.lapsed)
    unit.write(made.claim, made.order, *timers.claim_lease(made.claim))
    emit_order(unit, "order.claimed", OrderAggregate(made.order, items, allocations))
    return emit_claim(unit, "claim.claimed", made.claim)


def _order_and_claimer(
    unit: UnitOfWork, order_id: str, wallet_id: str | None, caller: Caller
) -> tuple[Order, str]:
    """The order, and the caller or whom a caller who acts for others names by the wallet."""
    if wallet_id is None or not caller.acts_for_others:
        return unit.one(orders.by_id(order_id)), caller.user_id
    order, wallet = unit.read(orders.by_id(order_id), wallets.usable(caller, wallet_id))
    return order, wallet.user_id


def _again(unit: UnitOfWork, claim: Claim) -> ClaimView:
    unit.answer_status(200)
    payments = unit.many(claims.payments_of(claim.id)) if claim.settlement_round else []
    return ClaimView.of(claim, payments)


def as_of_now(view: ClaimView, now: datetime) -> ClaimView:
    """A lease that has run out is over, also before a timer has written it down."""
    if view.status == "claimed" and view.lease_until is not None and view.lease_until <= now:
        return view.model_copy(update={"status": "expired", "reason": "LEASE_EXPIRED", "lease_until": None})
    return view
