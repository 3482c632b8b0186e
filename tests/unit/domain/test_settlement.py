"""Settlement: rounds of payments and what they make of claim and order."""

from __future__ import annotations

import pytest

from shared.domain.desk import claims, settlement
from shared.domain.desk.claims import LEASE, LeaseLost
from shared.domain.errors import InvalidState
from tests.unit.domain.desk import Desk
from tests.unit.domain.factories import NOW


def test_starting_makes_one_payment_per_allocation() -> None:
    desk = Desk.started()
    assert desk.state == ("processing", "processing", "pending")
    assert (desk.claim.lease_until, desk.order.lease_until, desk.claim.settlement_round) == (None, None, 1)
    first = desk.payments["alc_1", 1]
    assert (first.amount, first.supply_id, first.status, first.finalized) == (100, "sup_0", "pending", False)
    assert len({p.transaction_id for p in desk.payments.values()}) == 3


def test_only_a_running_claim_of_this_epoch_starts() -> None:
    desk = Desk.claimed()
    everything = [*desk.allocations.values()]
    with pytest.raises(InvalidState) as refused:
        settlement.start(desk.order, desk.claim, everything, new_id=desk.new_id, now=NOW + LEASE)
    assert refused.value.data == {"status": "expired"}
    with pytest.raises(LeaseLost):
        settlement.start(desk.order, desk.claim, everything, new_id=desk.new_id, now=NOW, epoch=7)
    assert settlement.start(desk.order, desk.claim, everything, new_id=desk.new_id, now=NOW, epoch=1)
    going = Desk.started()
    with pytest.raises(InvalidState) as twice:
        settlement.start(going.order, going.claim, everything, new_id=desk.new_id, now=NOW)
    assert twice.value.data == {"status": "processing"}


def test_all_paid_completes() -> None:
    desk = Desk.started()
    for number in range(3):
        assert desk.state == ("processing", "processing", "partial" if number else "pending")
        desk.outcome(number, "paid")
    assert desk.state == ("completed", "processed", "paid")
    assert desk.claim.processed_at == NOW
    assert {s.status for s in desk.supplies.values()} == {"closed"}
    assert {(a.status, a.settled) for a in desk.allocations.values()} == {("settled", 100)}


def test_paid_is_not_processed_before_it_is_finalized() -> None:
    desk = Desk.started()
    for number in range(3):
        desk.outcome(number, "paid", final=False)
    assert desk.state == ("processing", "processing", "paid")
    for key, payment in desk.payments.items():
        desk.payments[key] = settlement.finalize(payment, NOW)
    desk.conclude()
    assert desk.state == ("completed", "processed", "paid")


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_one_unpaid_fails_the_claim_and_keeps_its_reservation(status: str) -> None:
    desk = Desk.started()
    desk.outcome(0, "paid")
    desk.outcome(1, status)
    assert desk.state == ("processing", "processing", "partial")
    desk.outcome(2, "paid")
    assert desk.state == ("failed", "failed", "partial")
    assert [s.reserved for s in desk.supplies.values()] == [0, 100, 0]
    assert desk.claim.processed_at is None


def test_nothing_paid_is_failed() -> None:
    desk = Desk.started()
    for number in range(3):
        desk.outcome(number, "failed")
    assert desk.state == ("failed", "failed", "failed")


def test_a_retry_pays_only_what_is_unpaid() -> None:
    desk = Desk.started()
    desk.outcome(0, "paid")
    desk.outcome(1, "failed")
    desk.outcome(2, "paid")
    desk.retry()
    assert desk.state == ("processing", "processing", "pending")
    assert [key for key in desk.payments if key[1] == 2] == [("alc_2", 2)]
    desk.outcome(1, "paid", round_=2)
    assert desk.state == ("completed", "processed", "paid")
    assert [s.settled for s in desk.supplies.values()] == [100, 100, 100]


def test_a_retry_waits_for_finality_and_happens_from_failed_only() -> None:
    desk = Desk.started()
    with pytest.raises(InvalidState) as refused:
        desk.retry()
    assert refused.value.data == {"status": "processing"}
    for number in range(3):
        desk.outcome(number, "failed", final=False)
    assert desk.claim.status == "processing"
    forced = claims.change(desk.claim, NOW, status="failed")
    for rule in ("retry", "abandon"):
        desk.claim = forced
        with pytest.raises(InvalidState, match="may still come"):
            getattr(desk, rule)()


def test_abandoning_returns_what_is_unpaid() -> None:
    desk = Desk.started()
    desk.outcome(0, "paid")
    desk.outcome(1, "failed")
    desk.outcome(2, "cancelled")
    left = desk.abandon()
    assert (left.claim.status, left.claim.reason, left.claim.settlement_status) == (
        "failed",
        "written off",
        "partial",
    )
    assert [(a.id, a.status) for a in left.allocations] == [("alc_2", "released"), ("alc_3", "released")]
    assert [(m.supply.available, m.supply.status) for m in left.moves] == [(100, "active"), (100, "active")]
    desk.allocations |= {a.id: a for a in left.allocations}
    for rule in ("retry", "abandon"):
        with pytest.raises(InvalidState, match="Nothing is left"):
            getattr(desk, rule)()


def test_completed_claims_are_neither_retried_nor_abandoned_nor_concluded_again() -> None:
    desk = Desk.started()
    for number in range(3):
        desk.outcome(number, "paid")
    for rule in ("retry", "abandon", "conclude"):
        with pytest.raises(InvalidState) as refused:
            getattr(desk, rule)()
        assert refused.value.data == {"status": "processed"}


def test_without_payments_there_is_no_settlement() -> None:
    assert settlement.status_of([]) == "none"
