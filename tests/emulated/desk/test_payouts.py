"""What the chain can say of a payment, one word after another, and what claim, order and supply make of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared import resources
from shared.desk.payment_outcomes import payment_changed
from shared.domain.errors import InvalidState
from shared.domain.permissions import Caller
from shared.domain.transactions.transactions import Transaction
from shared.runtime.context import Context, deadline_in, running
from shared.store.session import Session
from shared.store.tables.transactions import TRANSACTIONS
from shared.writes.commit import commit
from tests.emulated.desk.world import Desk, figures


@dataclass
class Paying:
    """A claim in processing, its payments' transactions in order, and what is seen of it."""

    desk: Desk
    shopper: str
    order: Any
    claim: Any
    transactions: list[Transaction]

    def say(self, number: int = 0, **changes: Any) -> None:
        """Tell the desk what is known of a transaction now, as the engine does in its commit."""
        self.transactions[number] = told = replace(self.transactions[number], nonce=7, **changes)
        context = Context("tests", "req_tests", deadline_in(30), caller=Caller.of_system())
        with running(context):
            commit(payment_changed, told)

    @property
    def states(self) -> tuple[str, str, str]:
        claim = self.desk.get(f"/claims/{self.claim['id']}", self.shopper)
        order = self.desk.get(f"/orders/{self.order['id']}", self.shopper)
        return claim["status"], claim["settlement"]["status"], order["status"]

    @property
    def supplies(self) -> list[tuple[str, ...]]:
        ids = [part["supply_id"] for part in self.order["allocations"]]
        return sorted(figures(self.desk.get(f"/supplies/{one}", self.shopper)) for one in ids)


def paying(desk: Desk, wallets: int = 1) -> Paying:
    shopper, claimer = desk.person("shopper"), desk.claimer()
    for _ in range(wallets):
        desk.supply(shopper, "1", wallet_id=desk.wallet(shopper, ether=2))
    order = desk.order(shopper, "1", wallets)
    claim = desk.claimed(claimer, order["id"])
    started = desk.process(shopper, claim["id"])
    ids = [(payment["transaction_id"],) for payment in started["settlement"]["payments"]]
    found = Session(resources.database().snapshot()).many(TRANSACTIONS.get_many(ids))
    return Paying(desk, shopper, order, claim, found)


def test_blocked_and_on_again(desk: Desk) -> None:
    case = paying(desk)
    case.say(state="submitted", blocked_reason="FUNDS_BLOCKED")
    assert case.states == ("processing", "blocked", "processing")
    (payment,) = desk.get(f"/claims/{case.claim['id']}", case.shopper)["settlement"]["payments"]
    assert (payment["status"], payment["reason"]) == ("blocked", "FUNDS_BLOCKED")
    case.say(blocked_reason=None)
    assert case.states == ("processing", "pending", "processing")
    before = desk.get(f"/claims/{case.claim['id']}", case.shopper)
    case.say()
    assert desk.get(f"/claims/{case.claim['id']}", case.shopper) == before


def test_paid_is_settled_at_once_and_concluded_when_final(desk: Desk) -> None:
    case = paying(desk)
    case.say(state="confirmed")
    assert case.states == ("processing", "paid", "processing")
    assert case.supplies == [("1", "0", "0", "1")]
    case.say(finalized=True)
    assert case.states == ("processed", "paid", "completed")


def test_a_reorganised_payout_is_reserved_again_until_it_stands(desk: Desk) -> None:
    case = paying(desk)
    case.say(state="confirmed")
    case.say(state="submitted")
    assert case.states == ("processing", "pending", "processing")
    assert case.supplies == [("1", "0", "1", "0")]
    case.say(state="confirmed", finalized=True)
    assert case.states == ("processed", "paid", "completed")
    assert case.supplies == [("1", "0", "0", "1")]


def test_a_reorganisation_can_turn_paid_into_failed(desk: Desk) -> None:
    case = paying(desk)
    case.say(state="confirmed")
    case.say(state="reverted", error="EXECUTION_REVERTED", finalized=True)
    assert case.states == ("failed", "failed", "failed")
    assert case.supplies == [("1", "0", "1", "0")]


def test_what_is_final_does_not_change(desk: Desk) -> None:
    case = paying(desk)
    case.say(state="confirmed", finalized=True)
    with pytest.raises(InvalidState):
        case.say(state="submitted", finalized=False)
    assert case.states == ("processed", "paid", "completed")


@pytest.mark.parametrize(
    ("state", "status"),
    [("reverted", "failed"), ("rejected", "failed"), ("cancelled", "cancelled"), ("expired", "cancelled")],
)
def test_an_unpaid_end_fails_the_claim_and_keeps_the_reservation(desk: Desk, state: str, status: str) -> None:
    case = paying(desk)
    case.say(state=state, error="SOME_REASON", finalized=True)
    assert case.states == ("failed", "failed", "failed")
    (payment,) = desk.get(f"/claims/{case.claim['id']}", case.shopper)["settlement"]["payments"]
    assert (payment["status"], payment["reason"]) == (status, "SOME_REASON")
    assert case.supplies == [("1", "0", "1", "0")]


def test_nothing_is_concluded_before_every_payment_is_final(desk: Desk) -> None:
    case = paying(desk, wallets=3)
    case.say(0, state="reverted", error="X", finalized=True)
    case.say(1, state="confirmed", finalized=True)
    assert case.states == ("processing", "partial", "processing")
    assert case.supplies == [("1", "0", "0", "1"), ("1", "0", "1", "0"), ("1", "0", "1", "0")]
    answer = desk.app.call(
        "POST", f"/claims/{case.claim['id']}/retry-settlement", user="ops", roles=("operator",)
    )
    assert (answer.status, answer.code) == (409, "INVALID_STATE")
    case.say(2, state="confirmed")
    assert case.states == ("processing", "partial", "processing")
    case.say(2, finalized=True)
    assert case.states == ("failed", "partial", "failed")
