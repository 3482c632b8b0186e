"""What the chain says of one payment, and what that does to its allocation and supply.

pending ⇄ blocked, → paid | failed | cancelled; back to pending until it is finalized
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

from shared.domain.allocation import Allocation, marked
from shared.domain.errors import InvalidState
from shared.domain.reservations import settle, unsettle
from shared.domain.settlement import Payment
from shared.domain.states import PaymentStatus
from shared.domain.supplies import Moved, Supply


class Evidence(NamedTuple):
    """A payment with what its outcome did to its allocation and supply."""

    payment: Payment
    allocation: Allocation
    moved: Moved


def block(payment: Payment, reason: str | None, now: datetime) -> Payment:
    """The payment waits for an operator or a top-up (`reason`), or goes on (None). Raises InvalidState."""
    if payment.terminal:
        raise InvalidState(status=payment.status)
    status: PaymentStatus = "blocked" if reason else "pending"
    if (payment.status, payment.reason) == (status, reason):
        return payment
    return _change(payment, now, status=status, reason=reason)


def paid(payment: Payment, allocation: Allocation, supply: Supply, now: datetime) -> Evidence:
    """The payout stands at the confirmed depth: allocation and supply settle. Raises InvalidState."""
    if payment.terminal:
        raise InvalidState(status=payment.status)
    moved = settle(supply, payment.amount, payment.transaction_id, now)
    return Evidence(
        _change(payment, now, status="paid", reason=None), marked(allocation, "settled", now), moved
    )


def unpaid(
    payment: Payment, status: Literal["failed", "cancelled"], reason: str | None, now: datetime
) -> Payment:
    """The transaction ended without paying; the allocation stays reserved. Raises InvalidState."""
    if payment.terminal:
        raise InvalidState(status=payment.status)
    return _change(payment, now, status=status, reason=reason)


def finalize(payment: Payment, now: datetime) -> Payment:
    """No reorganisation can change the outcome any more. Raises InvalidState while it is not terminal."""
    if not payment.terminal:
        raise InvalidState(status=payment.status)
    return payment if payment.finalized else _change(payment, now, finalized=True)


def take_back(payment: Payment, allocation: Allocation, supply: Supply, now: datetime) -> Evidence:
    """The chain dropped the block of a terminal payment: it is pending, its allocation reserved again.

    Raises InvalidState when the payment is not terminal or already finalized.
    """
    if not payment.terminal or payment.finalized:
        raise InvalidState(status=payment.status)
    pending = _change(payment, now, status="pending", reason=None)
    if payment.status != "paid":
        return Evidence(pending, allocation, Moved(supply, ()))
    moved = unsettle(supply, payment.amount, payment.transaction_id, now)
    return Evidence(pending, marked(allocation, "reserved", now), moved)


def _change(payment: Payment, now: datetime, **changes: Any) -> Payment:
    return replace(payment, version=payment.version + 1, updated_at=now, **changes)
