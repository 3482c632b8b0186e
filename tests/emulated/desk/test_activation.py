"""Whether a wallet covers a supply: decided from its balance on the chain and its existing promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from shared import resources
from shared.chain.client import ChainClient
from shared.store.session import Session
from shared.store.tables.wallets import WALLETS
from tests.emulated.desk.world import Desk, figures


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
