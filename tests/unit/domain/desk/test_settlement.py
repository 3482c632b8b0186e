"""Settlement: rounds of payments, the chain's results for a payment, and their effects on claim and order."""

from __future__ import annotations

import pytest

from shared.domain.desk import claims, settlement
from shared.domain.desk.claims import LEASE, LeaseLost
from shared.domain.errors import InvalidState
from tests.unit.domain.desk.settlement_case import SettlementCase
from tests.unit.domain.factories import NOW


def test_starting_makes_one_payment_per_allocation() -> None:
    case = SettlementCase.started()
    assert case.state == ("processing", "processing", "pending")
    assert (case.claim.lease_until, case.order.lease_until, case.claim.settlement_round) == (None, None, 1)
    first = case.payments["alc_1", 1]
    assert (first.amount, first.supply_id, first.status, first.finalized) == (100, "sup_0", "pending", False)
    assert len({p.transaction_id for p in case.payments.values()}) == 3


def test_only_a_running_claim_of_this_epoch_starts() -> None:
    case = SettlementCase.claimed()
    everything = [*case.allocations.values()]
    with pytest.raises(InvalidState) as refused:
        settlement.start(case.order, case.claim, everything, new_id=case.new_id, now=NOW + LEASE)
    assert refused.value.data == {"status": "expired"}
    with pytest.raises(LeaseLost):
        settlement.start(case.order, case.claim, everything, new_id=case.new_id, now=NOW, epoch=7)
    assert settlement.start(case.order, case.claim, everything, new_id=case.new_id, now=NOW, epoch=1)
    going = SettlementCase.started()
    with pytest.raises(InvalidState) as twice:
        settlement.start(going.order, going.claim, everything, new_id=case.new_id, now=NOW)
    assert twice.value.data == {"status": "processing"}


def test_all_paid_completes() -> None:
    case = SettlementCase.started()
    for number in range(3):
        assert case.state == ("processing", "processing", "partial" if number else "pending")
        case.outcome(number, "paid")
    assert case.state == ("completed", "processed", "paid")
    assert case.claim.processed_at == NOW
    assert {s.status for s in case.supplies.values()} == {"closed"}
    assert {(a.status, a.settled) for a in case.allocations.values()} == {("settled", 100)}


def test_paid_is_not_processed_before_it_is_finalized() -> None:
    case = SettlementCase.started()
    for number in range(3):
        case.outcome(number, "paid", final=False)
    assert case.state == ("processing", "processing", "paid")
    for key, payment in case.payments.items():
        case.payments[key] = settlement.finalize(payment, NOW)
    case.conclude()
    assert case.state == ("completed", "processed", "paid")


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_one_unpaid_fails_the_claim_and_keeps_its_reservation(status: str) -> None:
    case = SettlementCase.started()
    case.outcome(0, "paid")
    case.outcome(1, status)
    assert case.state == ("processing", "processing", "partial")
    case.outcome(2, "paid")
    assert case.state == ("failed", "failed", "partial")
    assert [s.reserved for s in case.supplies.values()] == [0, 100, 0]
    assert case.claim.processed_at is None


def test_nothing_paid_is_failed() -> None:
    case = SettlementCase.started()
    for number in range(3):
        case.outcome(number, "failed")
    assert case.state == ("failed", "failed", "failed")


def test_a_retry_pays_only_what_is_unpaid() -> None:
    case = SettlementCase.started()
    case.outcome(0, "paid")
    case.outcome(1, "failed")
    case.outcome(2, "paid")
    case.retry()
    assert case.state == ("processing", "processing", "pending")
    assert [key for key in case.payments if key[1] == 2] == [("alc_2", 2)]
    case.outcome(1, "paid", round_=2)
    assert case.state == ("completed", "processed", "paid")
    assert [s.settled for s in case.supplies.values()] == [100, 100, 100]


def test_a_retry_waits_for_finality_and_happens_from_failed_only() -> None:
    case = SettlementCase.started()
    with pytest.raises(InvalidState) as refused:
        case.retry()
    assert refused.value.data == {"status": "processing"}
    for number in range(3):
        case.outcome(number, "failed", final=False)
    assert case.claim.status == "processing"
    forced = claims.advance(case.claim, NOW, status="failed")
    for rule in ("retry", "abandon"):
        case.claim = forced
        with pytest.raises(InvalidState, match="may still come"):
            getattr(case, rule)()


def test_abandoning_returns_what_is_unpaid() -> None:
    case = SettlementCase.started()
    case.outcome(0, "paid")
    case.outcome(1, "failed")
    case.outcome(2, "cancelled")
    left = case.abandon()
    assert (left.claim.status, left.claim.reason, left.claim.settlement_status) == (
        "failed",
        "written off",
        "partial",
    )
    assert [(a.id, a.status) for a in left.allocations] == [("alc_2", "released"), ("alc_3", "released")]
    assert [(m.supply.available, m.supply.status) for m in left.moves] == [(100, "active"), (100, "active")]
    case.allocations |= {a.id: a for a in left.allocations}
    for rule in ("retry", "abandon"):
        with pytest.raises(InvalidState, match="Nothing is left"):
            getattr(case, rule)()


def test_completed_claims_are_neither_retried_nor_abandoned_nor_concluded_again() -> None:
    case = SettlementCase.started()
    for number in range(3):
        case.outcome(number, "paid")
    for rule in ("retry", "abandon", "conclude"):
        with pytest.raises(InvalidState) as refused:
            getattr(case, rule)()
        assert refused.value.data == {"status": "processed"}
        assert rule == "conclude" or "this claim is processed" in refused.value.text


def test_without_payments_there_is_no_settlement() -> None:
    assert settlement.status_of([]) == "none"


def test_a_blocked_payment_shows_and_goes_on() -> None:
    case = SettlementCase.started()
    case.outcome(0, "paid")
    key = ("alc_2", 1)
    case.payments[key] = settlement.block(case.payments[key], "FUNDS_BLOCKED", NOW)
    assert settlement.block(case.payments[key], "FUNDS_BLOCKED", NOW) is case.payments[key]
    case.conclude()
    assert case.state == ("processing", "processing", "blocked")
    case.payments[key] = settlement.block(case.payments[key], None, NOW)
    assert (case.payments[key].status, case.payments[key].reason) == ("pending", None)
    case.conclude()
    assert case.claim.settlement_status == "partial"
    unchanged = settlement.conclude(case.order, case.claim, case.payments.values(), NOW)
    assert unchanged == (case.order, case.claim)
    assert unchanged.claim is case.claim


def test_a_reorganisation_takes_a_payout_back_until_it_is_final() -> None:
    case = SettlementCase.started()
    for number in range(3):
        case.outcome(number, "paid", final=number != 1)
    case.keep(
        settlement.reverse(case.payments["alc_2", 1], case.allocations["alc_2"], case.supplies["sup_1"], NOW)
    )
    case.conclude()
    assert case.state == ("processing", "processing", "partial")
    assert (case.supplies["sup_1"].reserved, case.supplies["sup_1"].settled) == (100, 0)
    assert case.allocations["alc_2"].status == "reserved"
    case.outcome(1, "paid")
    assert case.state == ("completed", "processed", "paid")


def test_a_failure_is_taken_back_without_moving_money() -> None:
    case = SettlementCase.started()
    case.outcome(0, "failed", final=False)
    allocation, row = case.allocations["alc_1"], case.supplies["sup_0"]
    back = settlement.reverse(case.payments["alc_1", 1], allocation, row, NOW)
    assert (back.payment.status, back.payment.reason) == ("pending", None)
    assert (back.allocation, back.moved) == (allocation, (row, ()))


def test_evidence_counts_once() -> None:
    case = SettlementCase.started()
    allocation, row, payment = case.allocations["alc_1"], case.supplies["sup_0"], case.payments["alc_1", 1]
    for refused in (
        lambda: settlement.finalize(payment, NOW),
        lambda: settlement.reverse(payment, allocation, row, NOW),
    ):
        with pytest.raises(InvalidState):
            refused()
    case.outcome(0, "paid")
    final = case.payments["alc_1", 1]
    assert settlement.finalize(final, NOW) is final
    for again in (
        lambda: settlement.paid(final, allocation, row, NOW),
        lambda: settlement.unpaid(final, "failed", None, NOW),
        lambda: settlement.block(final, "FUNDS_BLOCKED", NOW),
        lambda: settlement.reverse(final, allocation, row, NOW),
    ):
        with pytest.raises(InvalidState) as refusal:
            again()
        assert refusal.value.data == {"status": "paid"}
