"""Delete wallets: the refusals, the side effects, and the deletion of the key."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta

import pytest

from shared import resources
from shared.domain.wallets.wallets import Wallet
from shared.store.session import Session
from shared.store.tables.wallets import VAULT_KEYS, WALLETS
from tests.emulated.conftest import Recorder
from tests.emulated.desk.world import Desk
from tests.support.clock import TestClock
from tests.support.inprocess import App
from tests.support.people import People

MONTH = timedelta(days=30)


@pytest.fixture
def desk(app: App, published: Recorder, emulators: Mapping[str, str]) -> Desk:
    return Desk(app, published, emulators["RPC_URL"])


def row(wallet_id: str) -> Wallet:
    found: Wallet = Session(resources.database().snapshot()).one(WALLETS.get(wallet_id))
    return found


def sealed(wallet_id: str) -> bool:
    return Session(resources.database().snapshot()).maybe(VAULT_KEYS.find(row(wallet_id).key_id)) is not None


def test_an_empty_wallet_goes_and_its_key_may_come_back(people: People) -> None:
    mine, other = people.register(), people.register()
    key = secrets.token_bytes(32)
    wallet = mine.imported(key)
    path = f"/wallets/{wallet['id']}"
    assert other.refused("NOT_FOUND", "DELETE", path).status == 404
    assert mine.refused("VERSION_MISMATCH", "DELETE", path, headers={"if-match": '"7"'}).status == 412
    mine.ok(204, "DELETE", path)
    for method, below in (("GET", ""), ("DELETE", ""), ("GET", "/balance"), ("POST", "/accounts")):
        assert mine.call(method, path + below, {} if method == "POST" else None).status == 404
    assert mine.ok(200, "GET", "/wallets")["items"] == []
    assert mine.imported(key)["id"] != wallet["id"]


def test_value_needs_force_and_force_closes_supplies(people: People, desk: Desk) -> None:
    user = desk.person()
    wallet = desk.imported(user, ether=3)
    supply = desk.supply(user, "2")
    path = f"/wallets/{wallet}"
    answer = desk.app.call("DELETE", path, user=user)
    assert (answer.status, answer.code) == (409, "WALLET_IN_USE")
    assert answer.body["error"]["data"] == {"reason": "holds_value"}
    desk.app.ok(204, "DELETE", f"{path}?force=true", user=user)
    assert desk.get(f"/supplies/{supply['id']}", user)["status"] == "closed"
    assert "supply.closed" in [event["type"] for event in desk.outbox()]


def test_a_balance_alone_needs_force(desk: Desk) -> None:
    user = desk.person()
    wallet = desk.imported(user, ether=1)
    assert desk.app.call("DELETE", f"/wallets/{wallet}", user=user).code == "WALLET_IN_USE"
    assert desk.app.call("DELETE", f"/wallets/{wallet}?force=yes", user=user).status == 422
    desk.app.ok(204, "DELETE", f"/wallets/{wallet}?force=true", user=user)


def test_nothing_forces_what_others_rely_on(desk: Desk) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    supplying = desk.app.ok(200, "GET", "/wallets", user=shopper)["items"][0]["id"]
    claiming = desk.app.ok(200, "GET", "/wallets", user=claimer)["items"][0]["id"]
    order = desk.order(shopper)
    desk.claimed(claimer, order["id"])
    for user, wallet, reason in (
        (shopper, supplying, "supply_reserved"),
        (claimer, claiming, "claim_pays_in"),
    ):
        answer = desk.app.call("DELETE", f"/wallets/{wallet}?force=true", user=user)
        assert answer.body["error"]["data"] == {"reason": reason}


def test_an_unfinished_transaction_keeps_its_wallet(desk: Desk) -> None:
    user = desk.person()
    wallet = desk.imported(user, ether=1)
    body = {"wallet_id": wallet, "to": desk.address(wallet), "value": "1"}
    desk.app.ok(202, "POST", "/transactions", body, user=user)
    answer = desk.app.call("DELETE", f"/wallets/{wallet}?force=true", user=user)
    assert answer.body["error"]["data"] == {"reason": "transaction_unfinished"}


def test_the_key_is_shredded_after_a_month_if_all_accounts_are_gone_and_empty(
    people: People, desk: Desk
) -> None:
    clock = TestClock()
    with resources.override(clock=clock):
        person = people.register()
        root = person.wallet()
        child = person.ok(201, "POST", f"/wallets/{root['id']}/accounts", {})["wallet"]
        person.ok(204, "DELETE", f"/wallets/{root['id']}")
        clock.advance(MONTH)
        people.sign_in(person)
        desk.app.schedule("shred_keys")
        assert sealed(root["id"]), "an account still needs the seed"
        person.ok(204, "DELETE", f"/wallets/{child['id']}")
        desk.fund(child["address"], 1)
        clock.advance(MONTH)
        desk.app.schedule("shred_keys")
        assert sealed(child["id"]), "an account is not empty"
        desk.fund(child["address"], 0)
        clock.advance(MONTH)
        desk.app.schedule("shred_keys")
        assert not sealed(root["id"])
        assert (row(root["id"]).status, row(child["id"]).status) == ("shredded", "shredded")


def test_a_key_does_not_force_and_a_deleted_wallet_comes_back(people: People, desk: Desk) -> None:
    """A11: an API key deleted a funded wallet permanently."""
    person = people.register()
    with resources.override(clock=TestClock(resources.clock().now())):
        clock = resources.clock()
        assert isinstance(clock, TestClock)
        people.sign_in(person)
        wallet = person.imported(secrets.token_bytes(32))
        desk.fund(wallet["address"], 1)
        path = f"/wallets/{wallet['id']}"
        key = person.ok(201, "POST", "/auth/api-keys", {"name": "k", "scopes": ["wallet:write"]})["api_key"]
        with_key = {"x-api-key": key}
        assert person.app.call("DELETE", f"{path}?force=true", headers=with_key).code == "FORBIDDEN"
        assert person.app.call("DELETE", path, headers=with_key).code == "WALLET_IN_USE"
        clock.advance(timedelta(minutes=6))
        assert person.refused("STEP_UP_REQUIRED", "DELETE", f"{path}?force=true").status == 403
        people.sign_in(person)
        person.ok(204, "DELETE", f"{path}?force=true")
        (deleted,) = person.ok(200, "GET", "/wallets?deleted=true")["items"]
        assert deleted["id"] == wallet["id"] and deleted["deleted_at"]
        assert person.ok(200, "POST", f"{path}/export", {"format": "private_key"})["private_key"]
        assert people.register().refused("NOT_FOUND", "POST", f"{path}/restore").status == 404
        assert person.app.call("POST", f"{path}/restore", headers=with_key).code == "FORBIDDEN"
        assert person.ok(200, "POST", f"{path}/restore")["deleted_at"] is None
        assert person.ok(200, "GET", path)["id"] == wallet["id"]
        assert person.refused("INVALID_STATE", "POST", f"{path}/restore").status == 409
        told = [
            event["type"] for event in person.ok(200, "GET", "/events?types=account.wallet_restored")["items"]
        ]
        assert told == ["account.wallet_restored"]


def test_a_wallet_does_not_come_back_beside_its_twin(people: People) -> None:
    person, key = people.register(), secrets.token_bytes(32)
    wallet = person.imported(key)
    person.ok(204, "DELETE", f"/wallets/{wallet['id']}")
    again = person.imported(key)
    refused = person.refused("WALLET_EXISTS", "POST", f"/wallets/{wallet['id']}/restore")
    assert refused.body["error"]["data"] == {"wallet_id": again["id"]}
