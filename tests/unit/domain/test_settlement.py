"""Settlement: rounds of payments, evidence one by one, and what it makes of claim and order."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from shared.domain import claims, payouts, settlement
from shared.domain.allocation import Allocation
from shared.domain.claims import LEASE, Claim, LeaseLost
from shared.domain.errors import InvalidState
from shared.domain.orders import Order
from shared.domain.settlement import Payment
from shared.domain.supplies import Supply
from tests.unit.domain.factories import NOW, ids, place, supply, wallet


@dataclass
class Desk:
    """An order of 3.00 over three supplies, claimed; it keeps what each rule answers."""

    order: Order
    claim: Claim
    allocations: dict[str, Allocation]
    supplies: dict[str, Supply]
    payments: dict[tuple[str, int], Payment] = field(default_factory=dict)
    new_id = staticmethod(ids())

    @classmethod
    def claimed(cls) -> Desk:
        placed = place(*(supply(100, supply_id=f"sup_{n}") for n in range(3)))
        tenure = claims.claim(placed.order, None, wallet(), (), claim_id="clm_1", now=NOW)
        return cls(
            tenure.order,
            tenure.claim,
            {a.id: a for a in placed.allocations},
            {m.supply.id: m.supply for m in placed.moves},
        )

    @classmethod
    def started(cls) -> Desk:
        desk = cls.claimed()
        desk.take(
            settlement.start(
                desk.order, desk.claim, [*desk.allocations.values()], new_id=desk.new_id, now=NOW
            )
        )
        return desk

    def take(self, made: settlement.Round) -> None:
        self.order, self.claim = made.order, made.claim
        self.payments |= {(p.allocation_id, p.round): p for p in made.payments}

    def outcome(self, number: int, status: str, *, final: bool = True, round_: int = 1) -> None:
        allocation = list(self.allocations.values())[number]
        payment = self.payments[allocation.id, round_]
        if status == "paid":
            evidence = payouts.paid(payment, allocation, self.supplies[allocation.supply_id], NOW)
            self.keep(evidence)
            payment = evidence.payment
        else:
            payment = payouts.unpaid(payment, status, "REVERTED", NOW)  # type: ignore[arg-type]
        self.payments[allocation.id, round_] = payouts.finalize(payment, NOW) if final else payment
        self.conclude()

    def keep(self, evidence: payouts.Evidence) -> None:
        self.allocations[evidence.allocation.id] = evidence.allocation
        self.supplies[evidence.moved.supply.id] = evidence.moved.supply
        self.payments[evidence.payment.allocation_id, evidence.payment.round] = evidence.payment

    def conclude(self) -> None:
        self.order, self.claim = settlement.conclude(self.order, self.claim, self.payments.values(), NOW)

    def retry(self) -> None:
        everything = [*self.payments.values()], [*self.allocations.values()]
        self.take(settlement.retry(self.order, self.claim, *everything, new_id=self.new_id, now=NOW))

    def abandon(self) -> settlement.Abandoned:
        everything = [*self.payments.values()], [*self.allocations.values()], [*self.supplies.values()]
        return settlement.abandon(self.claim, *everything, reason="written off", now=NOW)

    @property
    def state(self) -> tuple[str, str, str]:
        return self.order.status, self.claim.status, self.claim.settlement_status


def test_starting_makes_one_payment_per_allocation() -> None:
    desk = Desk.started()
    assert desk.state == ("processing", "processing", "pending")
    assert (desk.claim.lease_until, desk.order.lease_until, desk.claim.settlement_round) == (None, None, 1)
    first = desk.payments["alc_1", 1]
    assert (first.amount, first.supply_id, first.status, first.finalized) == (100, "sup_0", "pending", False)
    assert first.key == "settle:clm_1:alc_1:1"
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
        desk.payments[key] = payouts.finalize(payment, NOW)
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


def test_a_blocked_payment_shows_and_goes_on() -> None:
    desk = Desk.started()
    desk.outcome(0, "paid")
    key = ("alc_2", 1)
    desk.payments[key] = payouts.block(desk.payments[key], "FUNDS_BLOCKED", NOW)
    assert payouts.block(desk.payments[key], "FUNDS_BLOCKED", NOW) is desk.payments[key]
    desk.conclude()
    assert desk.state == ("processing", "processing", "blocked")
    desk.payments[key] = payouts.block(desk.payments[key], None, NOW)
    assert (desk.payments[key].status, desk.payments[key].reason) == ("pending", None)
    desk.conclude()
    assert desk.claim.settlement_status == "partial"
    unchanged = settlement.conclude(desk.order, desk.claim, desk.payments.values(), NOW)
    assert unchanged == (desk.order, desk.claim)
    assert unchanged.claim is desk.claim


def test_a_retry_pays_only_what_is_unpaid() -> None:
    desk = Desk.started()
    desk.outcome(0, "paid")
    desk.outcome(1, "failed")
    desk.outcome(2, "paid")
    desk.retry()
    assert desk.state == ("processing", "processing", "pending")
    assert [key for key in desk.payments if key[1] == 2] == [("alc_2", 2)]
    assert desk.payments["alc_2", 2].key.endswith(":2")
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
    forced = settlement.claims.change(desk.claim, NOW, status="failed")
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


def test_a_reorganisation_takes_a_payout_back_until_it_is_final() -> None:
    desk = Desk.started()
    for number in range(3):
        desk.outcome(number, "paid", final=number != 1)
    desk.keep(
        payouts.take_back(desk.payments["alc_2", 1], desk.allocations["alc_2"], desk.supplies["sup_1"], NOW)
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
    back = payouts.take_back(desk.payments["alc_1", 1], allocation, row, NOW)
    assert (back.payment.status, back.payment.reason) == ("pending", None)
    assert (back.allocation, back.moved) == (allocation, (row, ()))


def test_evidence_counts_once() -> None:
    desk = Desk.started()
    allocation, row, payment = desk.allocations["alc_1"], desk.supplies["sup_0"], desk.payments["alc_1", 1]
    for refused in (
        lambda: payouts.finalize(payment, NOW),
        lambda: payouts.take_back(payment, allocation, row, NOW),
    ):
        with pytest.raises(InvalidState):
            refused()
    desk.outcome(0, "paid")
    final = desk.payments["alc_1", 1]
    assert payouts.finalize(final, NOW) is final
    for again in (
        lambda: payouts.paid(final, allocation, row, NOW),
        lambda: payouts.unpaid(final, "failed", None, NOW),
        lambda: payouts.block(final, "FUNDS_BLOCKED", NOW),
        lambda: payouts.take_back(final, allocation, row, NOW),
    ):
        with pytest.raises(InvalidState) as refusal:
            again()
        assert refusal.value.data == {"status": "paid"}


def test_without_payments_there_is_no_settlement() -> None:
    assert settlement.status_of([]) == "none"
