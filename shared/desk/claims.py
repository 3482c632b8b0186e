"""Create a claim (by order, or the next one), and show claims with the state of their lease."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from schemas.claims import Claim as ClaimResource
from shared import resources
from shared.desk import timers
from shared.desk.events import emit_claim, emit_order
from shared.desk.orders import OrderAggregate
from shared.domain.desk import claims as rules
from shared.domain.desk.claims import Claim, OrderAlreadyClaimed
from shared.domain.desk.orders import Order
from shared.domain.desk.payout_gas import require_payable
from shared.domain.desk.settlement import Payment
from shared.domain.permissions import Caller
from shared.store.session import Session
from shared.store.tables import claims, orders, wallets
from shared.store.unit_of_work import UnitOfWork


def begin(
    unit: UnitOfWork,
    order_id: str,
    wallet_id: str | None,
    caller: Caller,
    lease: timedelta,
    *,
    replay: bool = True,
) -> ClaimResource:
    """Claim the order for the wallet's owner. A claim that they already hold is answered again with status 200, or
    refused as OrderAlreadyClaimed without `replay`.

    Raises NotFound, WalletRequired, PayoutTooCostly, and the refusals of `domain.desk.claims.claim`.
    """
    order, claimer = _order_and_claimer(unit, order_id, wallet_id, caller)
    if order.claim_id is not None and not replay:
        raise OrderAlreadyClaimed
    rules.refuse_early(order, claimer, unit.now)
    wallet, leases, items, allocations = unit.read(
        wallets.chosen(caller, wallet_id, order.chain),
        claims.leases_of(claimer),
        orders.items_of(order_id),
        orders.allocations_of(order_id),
    )
    require_payable(wallet, resources.registry().chain(order.chain).payout_gas_cap, unit.now)
    holder = None
    if order.claim_id is not None and rules.must_read_holder(order, claimer, unit.now):
        holder = unit.one(claims.by_id(order.claim_id))
    unit.on_conflict(OrderAlreadyClaimed())
    claimed = rules.claim(
        order, holder, wallet, leases, claim_id=unit.new_id("clm"), now=unit.now, lease=lease
    )
    if claimed.replayed:
        return _replayed(unit, claimed.claim)
    if claimed.lapsed is not None:
        unit.write(claimed.lapsed)
        emit_claim(unit, "claim.expired", claimed.lapsed)
    unit.write(claimed.claim, claimed.order, *timers.claim_lease(claimed.claim))
    emit_order(unit, "order.claimed", OrderAggregate(claimed.order, items, allocations))
    return emit_claim(unit, "claim.claimed", claimed.claim)


def _order_and_claimer(
    unit: UnitOfWork, order_id: str, wallet_id: str | None, caller: Caller
) -> tuple[Order, str]:
    """The order, and the claimer: the caller, or the wallet's owner if the caller acts for others."""
    if wallet_id is None or not caller.acts_for_others:
        return unit.one(orders.by_id(order_id)), caller.user_id
    order, wallet = unit.read(orders.by_id(order_id), wallets.usable(caller, wallet_id))
    return order, wallet.user_id


def _replayed(unit: UnitOfWork, claim: Claim) -> ClaimResource:
    unit.answer_status(200)
    payments = unit.many(claims.payments_of(claim.id)) if claim.settlement_round else []
    return ClaimResource.of(claim, payments)


def as_of_now(view: ClaimResource, now: datetime) -> ClaimResource:
    """The claim as of now: an expired lease counts as expired even before a timer has updated the row."""
    if view.status == "claimed" and view.lease_until is not None and view.lease_until <= now:
        return view.model_copy(update={"status": "expired", "reason": "LEASE_EXPIRED", "lease_until": None})
    return view


def views(rows: Sequence[Claim]) -> list[ClaimResource]:
    """The claims as claimers and owners see them; the payments of all claims are read together."""
    settled = [row.id for row in rows if row.settlement_round]
    payments: dict[str, list[Payment]] = defaultdict(list)
    if settled:
        for payment in Session(resources.database().snapshot()).many(claims.payments_below(settled)):
            payments[payment.claim_id].append(payment)
    return [ClaimResource.of(row, payments[row.id]) for row in rows]


def views_now(rows: Sequence[Claim], now: datetime) -> list[ClaimResource]:
    """The claims as claimers and owners see them, as of now."""
    return [as_of_now(view, now) for view in views(rows)]
