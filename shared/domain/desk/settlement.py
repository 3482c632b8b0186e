"""The payments of a claim, one per allocation and round, and how their outcomes change the claim and its order.

Each allocation is settled as soon as its own payment is paid. The claim leaves `processing` only when the newest
payment of every allocation is terminal and finalized. If all are paid, the claim is processed and the order completed.
Otherwise both have failed, and the unpaid amounts stay reserved. A further round pays only allocations whose last
payment is terminal, unpaid and finalized, so nobody is paid twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from shared.domain.desk import claims, orders
from shared.domain.desk.allocation import Allocation, release_all, with_status
from shared.domain.desk.claims import Claim, LeaseLost, require_claimed
from shared.domain.desk.orders import Order
from shared.domain.desk.states import PaymentStatus, SettlementStatus, check
from shared.domain.desk.supplies import Moved, Supply, settle, unsettle
from shared.domain.errors import InvalidState

TERMINAL: Final = frozenset({"paid", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Payment:
    """The row of a payment. The key is (claim_id, allocation_id, round); the amount is in base units."""

    claim_id: str
    allocation_id: str
    round: int
    order_id: str
    supply_id: str
    wallet_id: str  # the supplying wallet
    transaction_id: str  # txn_…
    amount: int
    status: PaymentStatus
    reason: str | None  # why it is blocked, failed or cancelled
    finalized: bool  # no reorganisation can change the outcome any more
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL


class Round(NamedTuple):
    """An order and claim in processing, and the payments of a new round, to be inserted with their transactions."""

    order: Order
    claim: Claim
    payments: tuple[Payment, ...]


class Concluded(NamedTuple):
    """An order and claim after a change of their payments."""

    order: Order
    claim: Claim


class Abandoned(NamedTuple):
    """A failed claim that will not be paid any more, and its unpaid allocations, which are released."""

    claim: Claim
    allocations: tuple[Allocation, ...]
    moves: tuple[Moved, ...]


class PaymentEffect(NamedTuple):
    """A changed payment, and the effect of its outcome on its allocation and supply."""

    payment: Payment
    allocation: Allocation
    moved: Moved


def start(
    order: Order,
    claim: Claim,
    allocations: Sequence[Allocation],
    *,
    new_id: Callable[[str], str],
    now: datetime,
    epoch: int | None = None,
) -> Round:
    """Start the first round: one payment for every allocation; `new_id("txn")` creates the id of its transaction.

    Raises InvalidState unless the claim holds its order now, LeaseLost if `epoch` is not the claim's.
    """
    if epoch is not None and epoch != claim.epoch:
        raise LeaseLost(status=claim.status)
    require_claimed(claim, now)
    return _new_round(order, claim, allocations, new_id, now)


def retry(
    order: Order,
    claim: Claim,
    payments: Iterable[Payment],
    allocations: Sequence[Allocation],
    *,
    new_id: Callable[[str], str],
    now: datetime,
) -> Round:
    """Start a further round of a failed claim for its unpaid allocations. `payments` are all payments of the claim.

    Raises InvalidState if the claim has not failed, nothing is left to pay, or a last payment may still be paid.
    """
    unpaid = _unpaid_allocations(claim, payments, allocations)
    return _new_round(order, claim, unpaid, new_id, now)


def abandon(
    claim: Claim,
    payments: Iterable[Payment],
    allocations: Sequence[Allocation],
    supplies: Sequence[Supply],
    *,
    reason: str,
    now: datetime,
) -> Abandoned:
    """Release the unpaid allocations of a failed claim to their supplies; claim and order stay failed.

    Raises InvalidState like `retry`.
    """
    unpaid = _unpaid_allocations(claim, payments, allocations)
    back = release_all(claim.order_id, unpaid, supplies, now)
    return Abandoned(claims.advance(claim, now, reason=reason), back.allocations, back.moves)


def paid_before(
    order: Order,
    claim: Claim,
    payments: Iterable[Payment],
    allocations: Sequence[Allocation],
    *,
    new_id: Callable[[str], str],
    now: datetime,
) -> Round:
    """Start a round for payments that the chain already contains and that a restored database has forgotten.

    The claim may be claimed, whether or not its lease has run out, or failed. The round pays the allocations that are
    still reserved. Raises InvalidState if another claim holds the order, and like `retry`.
    """
    if claim.status not in ("claimed", "failed"):
        raise InvalidState(f"A claim that is {claim.status} waits for no payment.", status=claim.status)
    if order.claim_id != claim.id:
        raise InvalidState("The order is not this claim's any more.", status=claim.status)
    if claim.status == "failed":
        return retry(order, claim, payments, allocations, new_id=new_id, now=now)
    return _new_round(order, claim, [a for a in allocations if a.status == "reserved"], new_id, now)


def block(payment: Payment, reason: str | None, now: datetime) -> Payment:
    """Mark the payment as waiting for an operator or a top-up (`reason`), or as continuing (None).

    Raises InvalidState if it is terminal."""
    if payment.terminal:
        raise InvalidState(status=payment.status)
    status: PaymentStatus = "blocked" if reason else "pending"
    if (payment.status, payment.reason) == (status, reason):
        return payment
    return _advance(payment, now, status=status, reason=reason)


def paid(payment: Payment, allocation: Allocation, supply: Supply, now: datetime) -> PaymentEffect:
    """Settle the allocation and its supply, because the payment has the confirmed depth.

    Raises InvalidState if the payment is terminal."""
    if payment.terminal:
        raise InvalidState(status=payment.status)
    moved = settle(supply, payment.amount, payment.transaction_id, now)
    return PaymentEffect(
        _advance(payment, now, status="paid", reason=None), with_status(allocation, "settled", now), moved
    )


def unpaid(
    payment: Payment, status: Literal["failed", "cancelled"], reason: str | None, now: datetime
) -> Payment:
    """End the payment, because its transaction ended without paying; the allocation stays reserved.

    Raises InvalidState if the payment is terminal."""
    if payment.terminal:
        raise InvalidState(status=payment.status)
    return _advance(payment, now, status=status, reason=reason)


def finalize(payment: Payment, now: datetime) -> Payment:
    """Mark the outcome as final. Raises InvalidState if the payment is not terminal yet."""
    if not payment.terminal:
        raise InvalidState(status=payment.status)
    return payment if payment.finalized else _advance(payment, now, finalized=True)


def reverse(payment: Payment, allocation: Allocation, supply: Supply, now: datetime) -> PaymentEffect:
    """Make the payment pending and its allocation reserved again, because its block is no longer part of the chain.

    Raises InvalidState if the payment is not terminal, or already final."""
    if not payment.terminal or payment.finalized:
        raise InvalidState(status=payment.status)
    pending = _advance(payment, now, status="pending", reason=None)
    if payment.status != "paid":
        return PaymentEffect(pending, allocation, Moved(supply, ()))
    moved = unsettle(supply, payment.amount, payment.transaction_id, now)
    return PaymentEffect(pending, with_status(allocation, "reserved", now), moved)


def conclude(order: Order, claim: Claim, payments: Iterable[Payment], now: datetime) -> Concluded:
    """The order and claim with the outcome of all payments together; the same objects if nothing changes.

    Raises InvalidState unless the claim is processing."""
    if claim.status != "processing":
        raise InvalidState(status=claim.status)
    latest = newest(payments).values()
    status = status_of(latest)
    if not latest or not all(payment.terminal and payment.finalized for payment in latest):
        if status == claim.settlement_status:
            return Concluded(order, claim)
        return Concluded(order, claims.advance(claim, now, settlement_status=status))
    if status == "paid":
        done = claims.advance(claim, now, status="processed", settlement_status=status, processed_at=now)
        return Concluded(orders.advance(order, now, status="completed"), done)
    failed = claims.advance(claim, now, status="failed", settlement_status=status)
    return Concluded(orders.advance(order, now, status="failed"), failed)


def newest(payments: Iterable[Payment]) -> dict[str, Payment]:
    """The payment of the newest round of each allocation, by allocation id."""
    return {payment.allocation_id: payment for payment in sorted(payments, key=lambda p: p.round)}


def status_of(payments: Iterable[Payment]) -> SettlementStatus:
    """The settlement's status, from the newest payment of each allocation."""
    statuses = {payment.status for payment in payments}
    if not statuses:
        return "none"
    if "blocked" in statuses:
        return "blocked"
    if statuses == {"paid"}:
        return "paid"
    if "paid" in statuses:
        return "partial"
    return "pending" if "pending" in statuses else "failed"


def _unpaid_allocations(
    claim: Claim, payments: Iterable[Payment], allocations: Sequence[Allocation]
) -> list[Allocation]:
    if claim.status != "failed":
        said = f"Only a failed claim is paid again or abandoned; this claim is {claim.status}."
        raise InvalidState(said, status=claim.status)
    latest = newest(payments)
    unpaid = [a for a in allocations if a.status == "reserved"]
    if not unpaid:
        raise InvalidState("Nothing is left to pay.", status=claim.status)
    for allocation in unpaid:
        payment = latest.get(allocation.id)
        if payment is None or payment.status == "paid" or not (payment.terminal and payment.finalized):
            raise InvalidState("A payment may still come through.", status=claim.status)
    return unpaid


def _new_round(
    order: Order,
    claim: Claim,
    allocations: Sequence[Allocation],
    new_id: Callable[[str], str],
    now: datetime,
) -> Round:
    check("claim", claim.status, "processing")
    check("order", order.status, "processing")
    number = claim.settlement_round + 1
    payments = tuple(
        Payment(
            claim_id=claim.id,
            allocation_id=allocation.id,
            round=number,
            order_id=order.id,
            supply_id=allocation.supply_id,
            wallet_id=allocation.wallet_id,
            transaction_id=new_id("txn"),
            amount=allocation.amount,
            status="pending",
            reason=None,
            finalized=False,
            version=1,
            created_at=now,
            updated_at=now,
        )
        for allocation in allocations
    )
    processing = claims.advance(
        claim,
        now,
        status="processing",
        lease_until=None,
        settlement_status="pending",
        settlement_round=number,
    )
    return Round(orders.advance(order, now, status="processing", lease_until=None), processing, payments)


def _advance(payment: Payment, now: datetime, **changes: Any) -> Payment:
    return replace(payment, version=payment.version + 1, updated_at=now, **changes)
