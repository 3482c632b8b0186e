"""Policies in sends: denials when a transaction is accepted, and a daily limit under many parallel requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared import resources
from shared.domain.permissions import Caller
from shared.domain.transactions.acceptance import Intent, accept
from shared.domain.wallets.policies import PolicyDenied
from shared.runtime.context import Context, deadline_in, running
from shared.store.session import Session
from shared.store.tables.policies import SPENDING
from shared.wallets import policy_enforcement
from shared.writes.commit import commit
from tests.emulated.conftest import Recorder
from tests.emulated.desk.world import Desk
from tests.support.clock import TestClock
from tests.support.inprocess import App

FRIEND = "0x00000000000000000000000000000000000000F1"
SENDS, PART, SENT = 200, 1_000, 50
FEES = {"max_fee_per_gas": str(5 * 10**9), "max_priority_fee_per_gas": str(10**9)}
GAS = 2 * 21_000 * 5 * 10**9  # wei, with room for replacements: the amount that counts for each
LIMIT = SENT * (PART + GAS)


@pytest.fixture
def desk(app: App, published: Recorder, emulators: Mapping[str, str]) -> Desk:
    return Desk(app, published, emulators["RPC_URL"])


def sender(desk: Desk, **policy: Any) -> tuple[str, str]:
    user = desk.person()
    wallet = desk.imported(user, ether=10)
    desk.app.ok(200, "PUT", f"/wallets/{wallet}/policy", policy, user=user)
    return user, wallet


def send(desk: Desk, user: str, wallet: str, value: int, to: str = FRIEND) -> Any:
    body = {"wallet_id": wallet, "to": to, "value": str(value), "gas": 21_000}
    return desk.app.call("POST", "/transactions", body | FEES, user=user)


def spent(wallet: str) -> int:
    rows = Session(resources.database().snapshot()).many(SPENDING.scan(wallet))
    return sum(row.amount for row in rows)


def test_a_rush_never_exceeds_the_daily_limit(desk: Desk) -> None:
    user, wallet = sender(desk, limits=[{"asset": "native", "max_per_day": str(LIMIT)}])
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: send(desk, user, wallet, PART), range(SENDS)))
    counted = Counter((answer.status, answer.code) for answer in answers)
    assert counted == {(202, None): SENT, (422, "POLICY_DENIED"): SENDS - SENT}
    assert spent(wallet) == LIMIT


def test_denials_name_their_rule_and_book_nothing(desk: Desk) -> None:
    limits = [{"asset": "native", "max_per_transaction": str(GAS + 10), "max_per_day": str(2 * GAS + 15)}]
    user, wallet = sender(desk, limits=limits, allowed_recipients=[FRIEND])
    for value, to, rule in (
        (11, FRIEND, "max_per_transaction"),
        (1, desk.address(wallet), "allowed_recipients"),
    ):
        answer = send(desk, user, wallet, value, to)
        assert (answer.status, answer.body["error"]["data"]["rule"]) == (422, rule)
    assert spent(wallet) == 0
    assert send(desk, user, wallet, 10).status == 202
    assert send(desk, user, wallet, 6).body["error"]["data"]["rule"] == "max_per_day"
    assert send(desk, user, wallet, 5).status == 202
    actions = desk.app.ok(200, "GET", f"/audit?resource={wallet}", user="usr_op", roles=("operator",))[
        "items"
    ]
    denied = [item["events"][0] for item in actions if item["events"]]
    assert sorted(denied) == sorted(
        f"policy.denied:{rule}" for rule in ("max_per_transaction", "allowed_recipients", "max_per_day")
    )


def test_what_did_not_happen_is_given_back_if_it_was_booked(desk: Desk) -> None:
    clock = TestClock()
    with (
        resources.override(clock=clock),
        running(Context("test", "req_1", deadline_in(60), caller=Caller.of_system())),
    ):
        _, wallet = sender(desk, limits=[{"asset": "native", "max_per_day": "10"}])
        sent = Intent(wallet, "usr", "local", FRIEND[:-1] + "0", FRIEND, 5)
        row = accept(sent, "txn_1", "t", "k", clock.now(), committed_value=5, committed_gas=3)

        def release() -> None:
            ended = replace(row, state="cancelled", finalized=True, created_at=clock.now())
            commit(policy_enforcement.give_back, row, ended)

        commit(policy_enforcement.allow, sent, 3)
        with pytest.raises(PolicyDenied):
            commit(policy_enforcement.allow, sent, 3)
        release()
        assert spent(wallet) == 8, "it may have been accepted before the limit was set"
        clock.advance(timedelta(hours=25))
        commit(policy_enforcement.allow, sent, 3)
        assert spent(wallet) == 16, "yesterday does not count, its bucket stays"
        release()
        assert spent(wallet) == 8
        commit(policy_enforcement.allow, sent, 3)
        taken = replace(row, state="cancelled", mined_block_number=7, gas_used=1, effective_gas_price=2)
        commit(policy_enforcement.give_back, row, replace(taken, finalized=True, created_at=clock.now()))
        assert spent(wallet) == 8 + 2, "the gas of the no-op is spent"
