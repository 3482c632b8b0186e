"""Apply the outcome of a payment's transaction to its allocation, supply, claim and order.

The engine calls `payment_changed` in the commit that changes the state of the transaction, after it has written its
own rows. The unit reads everything by key. If nothing is new, nothing happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, Literal

from shared.desk import supplies as desk_supplies
from shared.desk.events import emit_claim, emit_order
from shared.desk.orders import OrderAggregate
from shared.domain.desk import claims as claim_rules
from shared.domain.desk import orders as order_rules
from shared.domain.desk import settlement
from shared.domain.desk.allocation import Allocation
from shared.domain.desk.claims import Claim
from shared.domain.desk.settlement import Concluded, Payment, PaymentEffect
from shared.domain.desk.supplies import Moved, Supply
from shared.domain.transactions.transactions import Transaction
from shared.store.tables import claims, orders, supplies
from shared.store.unit_of_work import UnitOfWork
from shared.telemetry import metrics

Outcome = Literal["paid", "failed", "cancelled"]
OUTCOMES: Final[dict[str, Outcome]] = {
    "confirmed": "paid",
    "reverted": "failed",
    "rejected": "failed",
    "cancelled": "cancelled",
    "expired": "cancelled",
}
SETTLEMENT_SECONDS = metrics.histogram(
    "wallet_settlement_seconds",
    "From a claim's first payment to all of them final.",
    "chain",
    buckets=(1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 21_600, 86_400),
)
CLAIM_EVENTS: Final = {"processed": "claim.processed", "failed": "claim.failed"}
ORDER_EVENTS: Final = {"completed": "order.completed", "failed": "order.failed"}


def payment_changed(unit: UnitOfWork, transaction: Transaction) -> None:
    """Apply the state of a payment's transaction: blocked or not, terminal, finalized, or reversed by the chain.

    Raises NotFound for a transaction that pays no claim, InvalidState when a finalized outcome changes.
    """
    claim, payments = unit.read(
        claims.by_id(transaction.claim_id or ""), claims.payments_of(transaction.claim_id or "")
    )
    place = (transaction.allocation_id, transaction.round)
    payment = next(p for p in payments if (p.allocation_id, p.round) == place)
    order, items, allocations, supply = unit.read(
        orders.by_id(payment.order_id),
        orders.items_of(payment.order_id),
        orders.allocations_of(payment.order_id),
        supplies.by_id(payment.supply_id),
    )
    allocation = next(a for a in allocations if a.id == payment.allocation_id)
    changed, allocation_after = _follow_transaction(unit, transaction, payment, allocation, supply)
    if changed == payment:
        return
    unit.write(changed, allocation_after)
    current = [changed if p is payment else p for p in payments]
    moved = [allocation_after] if allocation_after != allocation else []
    _conclude(unit, claim, current, OrderAggregate(order, items, allocations), moved)


def _follow_transaction(
    unit: UnitOfWork, transaction: Transaction, payment: Payment, allocation: Allocation, supply: Supply
) -> tuple[Payment, Allocation]:
    """The payment and its allocation in the transaction's state; this also moves and writes the supply."""
    outcome = OUTCOMES.get(transaction.state)
    effect = PaymentEffect(payment, allocation, Moved(supply, ()))
    if payment.terminal and payment.status != outcome:
        effect = settlement.reverse(payment, allocation, supply, unit.now)
        desk_supplies.write(unit, [supply], [effect.moved])
    payment, allocation, supply = effect.payment, effect.allocation, effect.moved.supply
    if not payment.terminal:
        if outcome == "paid":
            payment, allocation, moved = settlement.paid(payment, allocation, supply, unit.now)
            desk_supplies.write(unit, [supply], [moved])
        elif outcome is not None:
            payment = settlement.unpaid(payment, outcome, transaction.error, unit.now)
        else:
            payment = settlement.block(payment, transaction.blocked_reason, unit.now)
    if payment.terminal and _finalized(transaction):
        payment = settlement.finalize(payment, unit.now)
    return payment, allocation


def _finalized(transaction: Transaction) -> bool:
    """Whether the outcome is final; a transaction that was never signed can never be mined."""
    return transaction.finalized or transaction.nonce is None


def _conclude(
    unit: UnitOfWork,
    claim: Claim,
    payments: Sequence[Payment],
    aggregate: OrderAggregate,
    moved: Sequence[Allocation],
) -> None:
    """Write claim and order, each with a new version if its view has changed, and emit their events."""
    order = aggregate.order
    concluded = Concluded(order, claim)
    if claim.status == "processing":
        concluded = settlement.conclude(order, claim, payments, unit.now)
    after = concluded.claim if concluded.claim != claim else claim_rules.advance(claim, unit.now)
    unit.write(after)
    if after.status == "processed" != claim.status:
        begun = min(payment.created_at for payment in payments)
        seconds = (unit.now - begun).total_seconds()
        unit.measure(partial(SETTLEMENT_SECONDS.record, seconds, chain=claim.chain))
    if after.status != claim.status:
        emit_claim(unit, CLAIM_EVENTS[after.status], after, payments)
    placed = order_rules.advance(order, unit.now) if concluded.order == order and moved else concluded.order
    if placed != order:
        unit.write(placed)
        kind = ORDER_EVENTS[placed.status] if placed.status != order.status else "order.updated"
        emit_order(unit, kind, aggregate.updated(placed, moved))
