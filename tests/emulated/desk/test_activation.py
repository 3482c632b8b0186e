"""Whether a wallet covers a supply: decided from its balance on the chain and its existing promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from shared import resources
from shared.chain.client import ChainClient
from shared.desk import pending_supplies
from shared.domain.desk.supplies import Supply
from shared.store.session import Session
from shared.store.tables.supplies import SUPPLIES
from shared.store.tables.wallets import WALLETS
from tests.emulated.desk.world import Desk, figures
from tests.support.clock import TestClock


@pytest.mark.parametrize(
    ("ether", "reason"), [(1, "INSUFFICIENT_BALANCE"), (2, "INSUFFICIENT_GAS"), (2.009, "INSUFFICIENT_GAS")]
)
def test_an_uncovered_supply_is_rejected(desk: Desk, ether: float, reason: str) -> None:
    user = desk.person()
    desk.wallet(user, ether=ether)
    seen = desk.supply(user, "2", status="rejected")
    assert seen["reason"] == reason
    assert desk.events(user) == ["supply.created", "supply.rejected"]


def test_supplies_of_one_wallet_share_its_balance(desk: Desk) -> None:
    user = desk.person()
    desk.wallet(user, ether=3)
    desk.supply(user, "2")
    assert desk.supply(user, "1", status="rejected")["reason"] == "INSUFFICIENT_GAS"
    assert desk.supply(user, "0.9")["status"] == "active"


def test_one_address_in_two_hands_is_promised_once(desk: Desk) -> None:
    first, second = desk.person(), desk.person()
    one = desk.wallet(first, ether=3)
    two = desk.wallet(second)
    row = Session(resources.database().snapshot()).one(WALLETS.get(two))
    resources.database().write([WALLETS.write("update", replace(row, address=desk.address(one)))])
    desk.supply(first, "2")
    assert desk.supply(second, "2", status="rejected")["reason"] == "INSUFFICIENT_BALANCE"


def test_supplies_checked_at_once_never_promise_more_than_there_is(desk: Desk) -> None:
    user = desk.person()
    desk.wallet(user, ether=3)
    body = {"currency": "ETH", "amount": "1"}
    made = [desk.app.ok(201, "POST", "/supplies", body, user=user)["id"] for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda one: desk.react("on_supply_created", "supply.created", one), made))
    statuses = sorted(desk.get(f"/supplies/{one}", user)["status"] for one in made)
    assert statuses == ["active", "active", *["rejected"] * 4]


def test_a_repeated_or_late_event_changes_nothing(desk: Desk) -> None:
    user = desk.shopper(supply=None)
    supply = desk.supply(user, "2")
    for _ in range(2):
        desk.react("on_supply_created", "supply.created", supply["id"])
    again = desk.get(f"/supplies/{supply['id']}", user)
    assert again == supply
    assert figures(again) == ("2", "2", "0", "0")
    assert desk.events(user) == ["supply.created", "supply.activated"]


def test_a_silent_node_delays_the_check(desk: Desk) -> None:
    user = desk.person()
    desk.wallet(user, ether=3)
    made = desk.app.ok(201, "POST", "/supplies", {"currency": "ETH", "amount": "2"}, user=user)
    spec = resources.registry().chain("local")
    silent = ChainClient.connect(spec, ["http://127.0.0.1:9"])
    envelope = desk.envelope("supply.created", made["id"])
    with resources.override(**{"chain:local": silent}):
        assert desk.app.push("on_supply_created", envelope).status == 503
    assert desk.get(f"/supplies/{made['id']}", user)["status"] == "pending"
    assert desk.app.push("on_supply_created", envelope).status == 204
    assert desk.get(f"/supplies/{made['id']}", user)["status"] == "active"


def waiting(desk: Desk, clock: TestClock, count: int) -> list[str]:
    """Create supplies whose events are lost, one a second; returns their ids, oldest first."""
    user, body = desk.person(), {"currency": "ETH", "amount": "1"}
    desk.wallet(user, ether=99)
    made = []
    for _ in range(count):
        clock.advance(timedelta(seconds=1))
        made.append(desk.app.ok(201, "POST", "/supplies", body, user=user)["id"])
    clock.advance(2 * pending_supplies.CHECK_AFTER)
    return made


def supplies(*ids: str) -> list[Supply]:
    return Session(resources.database().snapshot()).many(SUPPLIES.get_many([(one,) for one in ids]))


def test_a_lost_event_is_found_behind_many_supplies_of_a_silent_chain(
    desk: Desk, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending_supplies, "BATCH", 2)
    oldest, *newer = waiting(desk, clock, 21)
    silenced = [SUPPLIES.write("update", replace(row, chain="silent")) for row in supplies(*newer)]
    resources.database().write(silenced)
    for _ in range(21):
        assert desk.app.schedule("fire_timers").status == 204
    assert supplies(oldest)[0].status == "active"


def test_a_run_that_ends_early_is_continued_where_it_was(
    desk: Desk, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending_supplies, "BATCH", 3)
    made, seen = waiting(desk, clock, 24), set[str]()
    for _ in range(24):
        seen.update(next(pending_supplies.next_round(clock.now()).parts(4)))
    assert seen == set(made)


def test_supplies_are_not_looked_at_in_their_first_minute(desk: Desk, clock: TestClock) -> None:
    (made,) = waiting(desk, clock, 1)
    assert list(pending_supplies.next_round(clock.now() - pending_supplies.CHECK_AFTER).parts(8)) == [[]]
    assert list(pending_supplies.next_round(clock.now()).parts(8)) == [[made]]
