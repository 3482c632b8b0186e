"""Payouts to addresses that screening refuses or cannot judge: no payment starts."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field

import pytest

from shared import resources
from shared.adapters.screening import HttpScreening, Payout, Verdict
from shared.store.session import Session
from shared.store.tables.supplies import FUNDS
from shared.store.tables.system import AUDIT
from tests.emulated.desk.payouts import paying
from tests.emulated.desk.world import Desk


@dataclass
class Listed:
    """A screening service that refuses everybody, and records the addresses."""

    payouts: list[Payout] = field(default_factory=list)

    def ask(self, payout: Payout) -> Verdict:
        self.payouts.append(payout)
        return Verdict(False, "listed")


@pytest.fixture
def listed() -> Listed:
    return Listed()


def in_flight(desk: Desk, shopper: str, order: str) -> list[int]:
    parts = desk.get(f"/orders/{order}", shopper)["allocations"]
    found = [desk.get(f"/supplies/{part['supply_id']}", shopper)["wallet_id"] for part in parts]
    keys = [(desk.address(wallet), "local", "") for wallet in found]
    return [row.in_flight for row in Session(resources.database().snapshot()).many(FUNDS.get_many(keys))]


def refusals(claim: str) -> list[tuple[str, str, list[str]]]:
    rows = Session(resources.database().snapshot()).many(AUDIT.scan())
    return [
        (row.actor, row.action, row.events)
        for row in rows
        if row.resource == claim and row.events and row.events[0].startswith("payout.")
    ]


def test_a_refused_recipient_starts_nothing(desk: Desk, listed: Listed) -> None:
    shopper, claimer = desk.person("shopper"), desk.claimer()
    for _ in range(2):
        desk.supply(shopper, "1", wallet_id=desk.wallet(shopper, ether=2))
    order = desk.order(shopper, "1.5")
    claim = desk.claimed(claimer, order["id"])
    path, before = f"/claims/{claim['id']}/process", len(desk.outbox())
    with resources.override(screening=listed):
        answer = desk.app.call("POST", path, user=shopper, key="same")
    recipient = desk.address(claim["wallet_id"])
    assert (answer.status, answer.code) == (422, "PAYOUT_REFUSED")
    assert answer.body["error"]["data"] == {"recipient": recipient}
    assert "listed" not in answer.text
    assert listed.payouts == [Payout("local", recipient, "1.5", "ETH", claim["id"])]
    assert desk.get(f"/claims/{claim['id']}", shopper) == claim
    assert in_flight(desk, shopper, order["id"]) == [0, 0]
    assert len(desk.outbox()) == before
    assert refusals(claim["id"]) == [(shopper, "process_claim", ["payout.refused:listed"])]

    started = desk.app.ok(202, "POST", path, user=shopper, key="same")
    assert started["status"] == "processing"
    with resources.override(screening=listed):
        replayed = desk.app.call("POST", path, user=shopper, key="same")
    assert (replayed.status, replayed.body) == (202, started)
    assert len(listed.payouts) == 1


def test_screening_that_does_not_answer_pays_nothing(desk: Desk) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    order = desk.order(shopper)
    claim = desk.claimed(claimer, order["id"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # nobody listens
        broken = HttpScreening(f"http://127.0.0.1:{free.getsockname()[1]}/")
        with resources.override(screening=broken):
            answer = desk.app.call("POST", f"/claims/{claim['id']}/process", user=shopper)
    assert (answer.status, answer.code) == (503, "SCREENING_UNAVAILABLE")
    assert answer.headers["Retry-After"] == "5"
    assert desk.get(f"/claims/{claim['id']}", shopper) == claim
    assert in_flight(desk, shopper, order["id"]) == [0]
    assert refusals(claim["id"]) == []


def test_a_retry_is_screened_again_for_what_is_unpaid(desk: Desk, listed: Listed) -> None:
    case = paying(desk, wallets=2)
    case.change(0, state="confirmed", finalized=True)
    case.change(1, state="rejected", error="X", finalized=True)
    path = f"/claims/{case.claim['id']}/retry-settlement"
    with resources.override(screening=listed):
        answer = desk.app.call("POST", path, user="ops", roles=("operator",))
    assert (answer.status, answer.code) == (422, "PAYOUT_REFUSED")
    assert [payout.amount for payout in listed.payouts] == ["1"]
    assert case.states == ("failed", "partial", "failed")
    assert refusals(case.claim["id"]) == [("ops", "retry_settlement", ["payout.refused:listed"])]
