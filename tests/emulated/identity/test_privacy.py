"""A person's data: exported completely and without secrets; deleted unless funds or obligations prevent it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from shared import resources
from shared.auth import personal_data
from shared.store.session import Session
from shared.store.tables.users import USERS
from shared.store.tables.wallets import VAULT_KEYS, WALLETS
from tests.emulated.conftest import Recorder
from tests.emulated.desk.world import Desk
from tests.support.clock import TestClock
from tests.support.inprocess import App
from tests.support.people import PASSWORD, People, Person


@pytest.fixture
def desk(app: App, published: Recorder, emulators: Mapping[str, str]) -> Desk:
    return Desk(app, published, emulators["RPC_URL"])


def rows(table: Any) -> list[Any]:
    return list(Session(resources.database().snapshot()).many(table.scan()))


def test_exports_everything_but_secrets(people: People, desk: Desk) -> None:
    person = people.register()
    wallet = person.wallet()
    desk.fund(wallet["address"], 3)
    person.ok(200, "PUT", f"/wallets/{wallet['id']}/policy", {"paused": True})
    key = person.ok(201, "POST", "/auth/api-keys", {"name": "robot", "scopes": ["wallet:read"]})
    person.ok(201, "POST", "/supplies", {"currency": "ETH", "amount": "1"})
    answer = person.call("GET", "/auth/me/export")
    data = answer.body["data"]
    assert data["user"][0]["email"] == person.email and data["policies"][0]["paused"] is True
    for kind in ("sessions", "api_keys", "wallets", "supplies"):
        assert len(data[kind]) == 1, kind
    assert answer.body["cut"] == [] and data["supplies"][0]["amount"] == "1000000000000000000"
    for secret in (*person.secrets, key["api_key"], "argon2", "sealed"):
        assert secret not in answer.text
    assert people.register().ok(200, "GET", "/auth/me/export")["data"]["wallets"] == []


def test_an_export_is_bounded(people: People, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack: large notes on ten thousand rows of each kind, all of them in one document."""
    person = people.register()
    for _ in range(4):
        person.wallet(metadata={f"note{number}": "x" * 500 for number in range(16)})
    monkeypatch.setattr(personal_data, "AT_ONCE", 2)
    monkeypatch.setattr(personal_data, "MAX_CHARACTERS", 5_000)
    answer = person.ok(200, "GET", "/auth/me/export")
    assert len(answer["data"]["wallets"]) == 2 and "wallets" in answer["cut"]


def test_deletes_the_person_and_the_keys(people: People, app: App) -> None:
    person, other = people.register(), people.register()
    wallet, theirs = person.wallet(name="my savings"), other.wallet()
    child = person.ok(201, "POST", f"/wallets/{wallet['id']}/accounts", {})["wallet"]
    key = person.ok(201, "POST", "/auth/api-keys", {"name": "robot", "scopes": ["wallet:read"]})["api_key"]
    person.ok(204, "DELETE", f"/wallets/{child['id']}")
    offered = person.refused("CONFIRMATION_REQUIRED", "DELETE", "/auth/me")
    assert offered.status == 409 and offered.body["error"]["data"]["export"]
    answer = person.ok(200, "DELETE", "/auth/me?confirm=true")
    assert {one["wallet_id"] for one in answer["wallets"]} == {wallet["id"], child["id"]}
    assert all("ETH" in one["looked_at"] for one in answer["wallets"]) and answer["not_looked_at"]
    assert app.call("GET", "/wallets", headers={"x-api-key": key}).code == "API_KEY_INVALID"
    assert app.call("POST", "/auth/refresh", {"refresh_token": person.refresh_token}).status == 401
    body = {"email": person.email, "password": PASSWORD}
    assert app.call("POST", "/auth/login", body).code == "INVALID_CREDENTIALS"
    user = next(row for row in rows(USERS) if row.id == person.id)
    assert (user.email, user.password_hash, user.disabled) == (None, None, True)
    left = {row.id: row for row in rows(WALLETS)}
    assert left[wallet["id"]].status == left[child["id"]].status == "disabled"
    assert "savings" not in json.dumps([row.name for row in left.values()])
    kept = {left[theirs["id"]].key_id, left[wallet["id"]].key_id}
    assert {row.id for row in rows(VAULT_KEYS)} == kept  # A13: a balance that was never read is not lost
    with resources.override(clock=TestClock(resources.clock().now() + timedelta(days=31))):
        app.schedule("shred_keys")
    assert {row.id for row in rows(VAULT_KEYS)} == {left[theirs["id"]].key_id}
    assert app.call("POST", "/auth/register", body).status == 201


def test_refuses_with_funds_or_obligations(people: People, desk: Desk) -> None:
    person = people.register()
    wallet = person.wallet()
    desk.fund(wallet["address"], 3)
    answer = person.refused("ACCOUNT_IN_USE", "DELETE", "/auth/me?confirm=true")
    assert answer.status == 409
    assert answer.body["error"]["data"] == {"reason": "holds_value", "wallet_id": wallet["id"]}
    desk.fund(wallet["address"], 0)
    shopper = desk.shopper()
    order = desk.order(shopper)
    person.ok(201, "POST", "/claims", {"order_id": order["id"]})
    answer = person.refused("ACCOUNT_IN_USE", "DELETE", "/auth/me?confirm=true")
    assert answer.body["error"]["data"] == {"reason": "claim_pays_in", "wallet_id": wallet["id"]}
    assert person.ok(200, "GET", "/auth/me")["disabled"] is False


def test_only_the_person_deletes_the_account(people: People, app: App) -> None:
    person: Person = people.register()
    key = person.ok(201, "POST", "/auth/api-keys", {"name": "robot", "scopes": ["wallet:write"]})["api_key"]
    assert app.call("DELETE", "/auth/me", headers={"x-api-key": key}).code == "FORBIDDEN"
    assert app.call("GET", "/auth/me/export", headers={"x-api-key": key}).code == "FORBIDDEN"
