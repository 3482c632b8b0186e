"""What the chain says of one payment: blocked, paid, unpaid, final, taken back."""

from __future__ import annotations

import pytest

from shared.domain.desk import settlement
from shared.domain.errors import InvalidState
from tests.unit.domain.desk import Desk
from tests.unit.domain.factories import NOW


def test_a_blocked_payment_shows_and_goes_on() -> None:
    desk = Desk.started()
    desk.outcome(0, "paid")
    key = ("alc_2", 1)
    desk.payments[key] = settlement.block(desk.payments[key], "FUNDS_BLOCKED", NOW)
    assert settlement.block(desk.payments[key], "FUNDS_BLOCKED", NOW) is desk.payments[key]
    desk.conclude()
    assert desk.state == ("processing", "processing", "blocked")
    desk.payments[key] = settlement.block(desk.payments[key], None, NOW)
    assert (desk.payments[key].status, desk.payments[key].reason) == ("pending", None)
    desk.conclude()
    assert desk.claim.settlement_status == "partial"
    unchanged = settlement.conclude(desk.order, desk.claim, desk.payments.values(), NOW)
    assert unchanged == (desk.order, desk.claim)
    assert unchanged.claim is desk.claim


def test_a_reorganisation_takes_a_payout_back_until_it_is_final() -> None:
    desk = Desk.started()
    for number in range(3):
        desk.outcome(number, "paid", final=number != 1)
    desk.keep(
        settlement.take_back(
            desk.payments["alc_2", 1], desk.allocations["alc_2"], desk.supplies["sup_1"], NOW
        )
    )
    desk.conclude()
    assert desk.state == ("processing", "processing", "partial")
    assert (desk.supplies["sup_1"].reserved, desk.supplies["sup_1"].settled) == (100, 0)
    assert desk.allocations["alc_2"].status == "reserved"
    desk.outcome(1, "paid")
    assert desk.state == ("completed", "processed", "paid")


def test_a_failure_is_taken_back_without_moving_money() -> None:
    desk = Desk.started()
    desk.outcome(0, "failed", final=False)
    allocation, row = desk.allocations["alc_1"], desk.supplies["sup_0"]
    back = settlement.take_back(desk.payments["alc_1", 1], allocation, row, NOW)
    assert (back.payment.status, back.payment.reason) == ("pending", None)
    assert (back.allocation, back.moved) == (allocation, (row, ()))


def test_evidence_counts_once() -> None:
    desk = Desk.started()
    allocation, row, payment = desk.allocations["alc_1"], desk.supplies["sup_0"], desk.payments["alc_1", 1]
    for refused in (
        lambda: settlement.finalize(payment, NOW),
        lambda: settlement.take_back(payment, allocation, row, NOW),
    ):
        with pytest.raises(InvalidState):
            refused()
    desk.outcome(0, "paid")
    final = desk.payments["alc_1", 1]
    assert settlement.finalize(final, NOW) is final
    for again in (
        lambda: settlement.paid(final, allocation, row, NOW),
        lambda: settlement.unpaid(final, "failed", None, NOW),
        lambda: settlement.block(final, "FUNDS_BLOCKED", NOW),
        lambda: settlement.take_back(final, allocation, row, NOW),
    ):
        with pytest.raises(InvalidState) as refusal:
            again()
        assert refusal.value.data == {"status": "paid"}
