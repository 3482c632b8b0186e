"""API keys: shown once, limited to their scopes, invalid without their owner."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared import resources
from shared.adapters.rate_limits import Limiter, OwnCounters
from shared.auth.authentication import RecentKeys
from shared.domain import users as rules
from shared.identity.api_keys import ApiKey, checksum_of
from shared.store.session import Session
from shared.store.tables.api_keys import API_KEYS
from shared.store.tables.users import USERS
from tests.support.clock import TestClock
from tests.support.inprocess import Answer, App
from tests.support.people import People, Person


def made(person: Person, *scopes: str, **more: Any) -> Any:
    return person.ok(201, "POST", "/auth/api-keys", {"name": "robot", "scopes": list(scopes)} | more)


def with_key(app: App, key: str, method: str, path: str, body: Any = None) -> Answer:
    return app.call(method, path, body, headers={"x-api-key": key})


def test_a_key_may_what_its_scopes_say(people: People, app: App) -> None:
    person = people.register()
    key = made(person, "wallet:read", "wallet:write")
    assert key["api_key"].startswith(key["hint"][:-1]) and key["scopes"] == ["wallet:read", "wallet:write"]
    wallet = with_key(app, key["api_key"], "POST", "/wallets", {"name": "robot's"}).body["wallet"]
    assert wallet["user_id"] == person.id
    assert with_key(app, key["api_key"], "GET", "/auth/me").body["id"] == person.id
    denied = with_key(app, key["api_key"], "GET", "/supplies")
    assert (denied.status, denied.body["error"]["data"]) == (403, {"permission": "supply:read"})
    listed = person.ok(200, "GET", "/auth/api-keys")["items"]
    assert [item["id"] for item in listed] == [key["id"]] and listed[0]["last_used_at"]
    assert key["api_key"] not in str(listed)
    row = Session(resources.database().snapshot()).one(API_KEYS.get(key["id"]))
    assert len(row.hash) == 32 and key["api_key"] not in str(row)


def test_a_key_never_does_what_only_a_person_may(people: People, app: App) -> None:
    person = people.register()
    wallet = person.wallet()
    key = made(person, "wallet:write", "wallet:export", "wallet:read")["api_key"]
    for method, path, body in (
        ("POST", "/auth/api-keys", {"name": "child", "scopes": ["wallet:read"]}),
        ("POST", "/auth/password", {"current": "x", "new": "a good passphrase"}),
        ("POST", "/auth/logout", None),
        ("PUT", f"/wallets/{wallet['id']}/policy", {}),
        ("POST", f"/wallets/{wallet['id']}/export", {"format": "private_key"}),
    ):
        assert with_key(app, key, method, path, body).code == "FORBIDDEN", path


@pytest.mark.parametrize("scope", ["audit:read", "admin:users", "wallet:fly", "*", "wallet:*"])
def test_scopes_are_permissions_that_the_owner_holds(people: People, scope: str) -> None:
    body = {"name": "robot", "scopes": [scope]}
    answer = people.register().refused("VALIDATION_FAILED", "POST", "/auth/api-keys", body)
    assert answer.status == 422
    known = answer.body["error"]["data"]["known"]
    assert "wallet:read" in known and not {"audit:read", "wallet:*"} & set(known)


def test_deleted_expired_and_mistyped_keys_are_refused(people: People, app: App) -> None:
    with resources.override(clock=TestClock()):
        clock = resources.clock()
        assert isinstance(clock, TestClock)
        person, other = people.register(), people.register()
        first = made(person, "wallet:read")
        soon = (clock.now() + timedelta(minutes=1)).isoformat()
        second = made(person, "wallet:read", expires_at=soon)
        assert other.refused("NOT_FOUND", "DELETE", f"/auth/api-keys/{first['id']}").status == 404
        person.ok(204, "DELETE", f"/auth/api-keys/{first['id']}")
        clock.advance(timedelta(minutes=1))
        wrong = first["api_key"][:-1] + ("a" if first["api_key"][-1] != "a" else "b")
        for key in (first["api_key"], second["api_key"], wrong, "wbk_x", ""):
            answer = with_key(app, key, "GET", "/auth/me")
            assert (answer.status, answer.code) == (401, "API_KEY_INVALID")
        both = {"x-api-key": first["api_key"], "authorization": f"Bearer {person.token}"}
        assert app.call("GET", "/auth/me", headers=both).status == 401


def test_a_key_is_void_with_its_owner_and_narrowed_with_its_roles(people: People, app: App) -> None:
    person = people.register()
    key = made(person, "wallet:read", "wallet:write")["api_key"]
    user = Session(resources.database().snapshot()).one(USERS.get(person.id))
    now = resources.clock().now()
    operator = rules.change(user, now, roles=("operator",))
    resources.database().write([USERS.write("update", operator)])
    assert with_key(app, key, "GET", "/wallets").status == 200
    assert with_key(app, key, "POST", "/wallets", {"name": "x"}).code == "FORBIDDEN"
    resources.database().write([USERS.write("update", rules.change(operator, now, disabled=True))])
    assert with_key(app, key, "GET", "/wallets").code == "API_KEY_INVALID"


def test_made_up_keys_are_counted_before_they_are_looked_up(people: People, app: App) -> None:
    """A18: thirty made-up keys got 401, although five requests per hour were allowed."""
    with resources.override(limiter=Limiter(OwnCounters(), {"basic": 100, "public": 5})):
        made_up = [with_key(app, ApiKey.generate().text, "GET", "/wallets").status for _ in range(30)]
    assert made_up == [401] * 5 + [429] * 25


def test_a_genuine_key_does_not_use_up_its_network(people: People, app: App) -> None:
    person = people.register()
    key = made(person, "wallet:read")["api_key"]
    with resources.override(limiter=Limiter(OwnCounters(), {"basic": 100, "public": 5})):
        assert {with_key(app, key, "GET", "/wallets").status for _ in range(30)} == {200}


def test_made_up_keys_do_not_keep_genuine_ones_of_their_network_out(people: People, app: App) -> None:
    """Whoever shared a network with a server, such as its cloud's, stopped it for the rest of the hour."""
    person = people.register()
    keys = [made(person, "wallet:read")["api_key"] for _ in range(2)]
    with resources.override(
        limiter=Limiter(OwnCounters(), {"basic": 100, "public": 5}), RecentKeys=RecentKeys()
    ):
        assert {with_key(app, key, "GET", "/wallets").status for key in keys} == {200}
        for _ in range(6):
            with_key(app, ApiKey.generate().text, "GET", "/wallets")
        assert {with_key(app, key, "GET", "/wallets").status for key in keys} == {200}
        person.ok(204, "DELETE", "/auth/api-keys")
        assert [with_key(app, keys[0], "GET", "/wallets").status for _ in range(2)] == [401, 429]


def test_a_key_learns_nothing_of_the_person(people: People, app: App) -> None:
    """A18: a key for orders read the e-mail address and all keys."""
    person = people.register()
    key = made(person, "order:read")["api_key"]
    me = with_key(app, key, "GET", "/auth/me").body
    assert (me["id"], me["email"], me["permissions"]) == (person.id, None, ["order:read"])
    assert (person.email in str(me), me["second_factors"]) == (False, None)
    for path in ("/auth/api-keys", "/auth/sessions", "/auth/me/export"):
        assert with_key(app, key, "GET", path).code == "FORBIDDEN"
    assert "wallet:export" in person.ok(200, "GET", "/auth/me")["permissions"]


def test_a_wallet_that_a_key_made_is_never_chosen_by_default(people: People, app: App) -> None:
    """Related to A12: the key's answer contains the mnemonic, and a claim would pay to the only existing wallet."""
    person = people.register()
    scopes = {"name": "robot", "scopes": ["wallet:write", "wallet:read", "order:read"]}
    key = {"x-api-key": person.ok(201, "POST", "/auth/api-keys", scopes)["api_key"]}
    secret = {"name": "theirs", "private_key": "0x" + "11" * 32}
    made = app.call("POST", "/wallets", {"name": "theirs"}, headers=key).body["wallet"]
    imported = app.call("POST", "/wallets/import", secret, headers=key).body["wallet"]
    account = person.ok(201, "POST", f"/wallets/{made['id']}/accounts", {})["wallet"]
    assert [wallet["unproven"] for wallet in (made, imported, account)] == [True, True, True]
    send = {"to": "0x000000000000000000000000000000000000dEaD", "value": "1"}
    required = person.refused(
        "WALLET_REQUIRED", "POST", "/transactions", send, headers={"idempotency-key": "1"}
    )
    assert len(required.body["error"]["data"]["wallets"]) == 3
    person.ok(200, "POST", f"/wallets/{made['id']}/confirm")
    assert person.ok(200, "GET", f"/wallets/{made['id']}")["unproven"] is False
    assert person.ok(201, "POST", f"/wallets/{made['id']}/accounts", {})["wallet"]["unproven"] is False


def test_a_key_sees_what_waits_for_approval_only_with_the_scope(people: People, app: App) -> None:
    person = people.register()
    for scope, status in (("order:read", 403), ("transaction:read", 200)):
        key = person.ok(201, "POST", "/auth/api-keys", {"name": scope, "scopes": [scope]})["api_key"]
        assert app.call("GET", "/approvals", headers={"x-api-key": key}).status == status


def test_every_key_ends_and_all_end_at_once(people: People, app: App) -> None:
    clock = TestClock(resources.clock().now())
    with resources.override(clock=clock):
        person = people.register()
        key = made(person, "wallet:read")
        ends = datetime.fromisoformat(key["expires_at"])
        assert abs(ends - clock.now() - timedelta(days=90)) < timedelta(seconds=5)
        far = (clock.now() + timedelta(days=400)).isoformat()
        body = {"name": "robot", "scopes": ["wallet:read"], "expires_at": far}
        person.refused("VALIDATION_FAILED", "POST", "/auth/api-keys", body)
        row = Session(resources.database().snapshot()).one(API_KEYS.get(key["id"]))
        resources.database().write([API_KEYS.write("update", replace(row, expires_at=None))])  # from before
        assert with_key(app, key["api_key"], "GET", "/wallets").status == 200
        clock.advance(timedelta(days=90))
        assert with_key(app, key["api_key"], "GET", "/wallets").code == "API_KEY_INVALID"
        people.sign_in(person)
        keys = [made(person, "wallet:read")["api_key"] for _ in range(3)]
        person.ok(204, "DELETE", "/auth/api-keys")
        assert {with_key(app, one, "GET", "/wallets").code for one in keys} == {"API_KEY_INVALID"}


def test_each_denial_of_a_key_an_export_and_a_signature_has_a_row(people: People, app: App) -> None:
    """A17."""
    person, other = people.register(), people.register()
    wallet = other.wallet()
    key = made(person, "wallet:sign")
    forged = ApiKey.generate()
    wrong = ApiKey(key["id"], f"wbk_{key['id'][4:]}_{forged.text[21:64]}")
    with_key(
        app, wrong.text + checksum_of(wrong.text), "POST", "/wallets/wal_x/sign-message", {"message": "x"}
    )
    person.call("POST", f"/wallets/{wallet['id']}/export", {"format": "private_key"})
    with_key(app, key["api_key"], "POST", f"/wallets/{wallet['id']}/sign-message", {"message": "x"})
    rows = app.ok(200, "GET", "/audit?limit=100", user="usr_op", roles=("operator",))["items"]
    denied = {
        (row["action"], row["resource"], *row["events"]) for row in rows if "denied" in str(row["events"])
    }
    assert denied == {
        ("sign_message", key["id"], "denied:API_KEY_INVALID"),
        ("export_wallet", wallet["id"], "denied:NOT_FOUND"),
        ("sign_message", wallet["id"], "denied:NOT_FOUND"),
    }
    by_key = next(
        row for row in rows if row["events"] == ["denied:NOT_FOUND"] and row["action"] == "sign_message"
    )
    assert by_key["session_id"] == key["id"] and by_key["network"] == "local"
