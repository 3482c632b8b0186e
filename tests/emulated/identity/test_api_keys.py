"""API keys: shown once, narrowed to their scopes, void with their owner."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared import resources
from shared.domain import users as rules
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
    assert people.register().refused("VALIDATION_FAILED", "POST", "/auth/api-keys", body).status == 422


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
