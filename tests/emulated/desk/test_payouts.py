"""Every state of a payment on the chain, one after the other, and the resulting state of claim, order and supply."""

from __future__ import annotations

import pytest

from shared.domain.errors import InvalidState
from tests.emulated.desk.payouts import paying
from tests.emulated.desk.world import Desk


def test_a_blocked_payout_goes_on_after_a_top_up(desk: Desk) -> None:
    case = paying(desk)
    case.change(state="submitted", blocked_reason="FUNDS_BLOCKED")
    assert case.states == ("processing", "blocked", "processing")
    (payment,) = desk.get(f"/claims/{case.claim['id']}", case.shopper)["settlement"]["payments"]
    assert (payment["status"], payment["reason"]) == ("blocked", "FUNDS_BLOCKED")
    case.change(blocked_reason=None)
    assert case.states == ("processing", "pending", "processing")
    before = desk.get(f"/claims/{case.claim['id']}", case.shopper)
    case.change()
    assert desk.get(f"/claims/{case.claim['id']}", case.shopper) == before


def test_paid_is_settled_at_once_and_concluded_when_final(desk: Desk) -> None:
    case = paying(desk)
    case.change(state="confirmed")
    assert case.states == ("processing", "paid", "processing")
    assert case.supplies == [("1", "0", "0", "1")]
    case.change(finalized=True)
    assert case.states == ("processed", "paid", "completed")


def test_a_reorganised_payout_is_reserved_again_until_it_stands(desk: Desk) -> None:
    case = paying(desk)
    case.change(state="confirmed")
    case.change(state="submitted")
    assert case.states == ("processing", "pending", "processing")
    assert case.supplies == [("1", "0", "1", "0")]
    case.change(state="confirmed", finalized=True)
    assert case.states == ("processed", "paid", "completed")
    assert case.supplies == [("1", "0", "0", "1")]


def test_a_reorganisation_can_turn_paid_into_failed(desk: Desk) -> None:
    case = paying(desk)
    case.change(state="confirmed")
    case.change(state="reverted", error="EXECUTION_REVERTED", finalized=True)
    assert case.states == ("failed", "failed", "failed")
    assert case.supplies == [("1", "0", "1", "0")]


def test_what_is_final_does_not_change(desk: Desk) -> None:
    case = paying(desk)
    case.change(state="confirmed", finalized=True)
    with pytest.raises(InvalidState):
        case.change(state="submitted", finalized=False)
    assert case.states == ("processed", "paid", "completed")


@pytest.mark.parametrize(
    ("state", "status"),
    [("reverted", "failed"), ("rejected", "failed"), ("cancelled", "cancelled"), ("expired", "cancelled")],
)
def test_an_unpaid_end_fails_the_claim_and_keeps_the_reservation(desk: Desk, state: str, status: str) -> None:
    case = paying(desk)
    case.change(state=state, error="SOME_REASON", finalized=True)
    assert case.states == ("failed", "failed", "failed")
    (payment,) = desk.get(f"/claims/{case.claim['id']}", case.shopper)["settlement"]["payments"]
    assert (payment["status"], payment["reason"]) == (status, "SOME_REASON")
    assert case.supplies == [("1", "0", "1", "0")]


def test_nothing_is_concluded_before_every_payment_is_final(desk: Desk) -> None:
    case = paying(desk, wallets=3)
    case.change(0, state="reverted", error="X", finalized=True)
    case.change(1, state="confirmed", finalized=True)
    assert case.states == ("processing", "partial", "processing")
    assert case.supplies == [("1", "0", "0", "1"), ("1", "0", "1", "0"), ("1", "0", "1", "0")]
    answer = desk.app.call(
        "POST", f"/claims/{case.claim['id']}/retry-settlement", user="ops", roles=("operator",)
    )
    assert (answer.status, answer.code) == (409, "INVALID_STATE")
    case.change(2, state="confirmed")
    assert case.states == ("processing", "partial", "processing")
    case.change(2, finalized=True)
    assert case.states == ("failed", "partial", "failed")
