"""What operators see of the API keys and sign-ins of others, and how administrators end them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared import resources
from shared.identity.refresh_tokens import LIFETIME
from shared.store.session import Session
from shared.store.table import Query
from shared.store.tables.system import AUDIT
from tests.emulated.conftest import Recorder
from tests.emulated.identity.test_admin import admin
from tests.support.clock import TestClock
from tests.support.inprocess import App
from tests.support.people import PASSWORD, People, Person

__all__ = ["admin"]
WHY = {"reason": "The key was found in a public repository."}


@pytest.fixture
def operator(people: People, admin: Person) -> Person:
    person = people.register()
    admin.ok(200, "PUT", f"/admin/users/{person.id}", {"roles": ["operator", "user"]})
    people.sign_in(person)
    return person


@pytest.fixture
def clock(people: People) -> Iterator[TestClock]:
    moved = TestClock(resources.clock().now())
    with resources.override(clock=moved):
        yield moved


def a_key(person: Person, name: str = "robot") -> dict[str, Any]:
    body = {"name": name, "scopes": ["wallet:read"]}
    found: dict[str, Any] = person.ok(201, "POST", "/auth/api-keys", body)
    person.secrets.append(found["api_key"])
    return found


def audited(resource: str, action: str) -> list[Any]:
    session = Session(resources.database().snapshot())
    return [row for row in session.many(AUDIT.scan()) if (row.resource, row.action) == (resource, action)]


def test_operators_see_keys_and_sign_ins_without_what_is_personal_or_secret(
    people: People, app: App, admin: Person, operator: Person
) -> None:
    person = people.register()
    key = a_key(person)
    app.call("POST", "/auth/login", {"email": person.email, "password": "a wrong one"})
    keys, sign_ins = f"/admin/users/{person.id}/api-keys", f"/admin/users/{person.id}/sign-ins"
    seen = [reader.ok(200, "GET", path) for reader in (operator, admin) for path in (keys, sign_ins)]
    assert [one["id"] for one in seen[0]["items"]] == [key["id"]] and seen[0] == seen[2]
    for text in map(json.dumps, seen):
        assert "hash" not in text and not any(secret in text for secret in person.secrets)
    hidden, shown = seen[1]["items"][0], seen[3]["items"][0]
    assert (hidden["network"], hidden["user_agent"], shown["network"]) == (None, None, "local")
    assert (shown["state"], shown["factors"], shown["ended_at"]) == ("active", ["pwd"], None)
    failed = seen[3]["failed"]
    assert (failed["passwords"], failed["waiting"], failed["codes"]) == (1, False, 0)
    for path in (keys, sign_ins):
        assert person.refused("FORBIDDEN", "GET", path).status == 403
        assert admin.refused("NOT_FOUND", "GET", path.replace(person.id, "usr_none")).status == 404
        assert admin.refused("INVALID_CURSOR", "GET", f"{path}?cursor=abc").status == 400


def test_sign_ins_are_paged_newest_first_with_how_they_ended(
    people: People, app: App, admin: Person, clock: TestClock
) -> None:
    person = people.register()
    path = f"/admin/users/{person.id}/sign-ins"
    for _ in range(4):
        clock.advance(timedelta(seconds=1))
        people.sign_in(person)
    person.ok(204, "DELETE", "/auth/sessions")
    people.sign_in(admin)
    seen: list[Any] = []
    cursor = ""
    while True:
        page = admin.ok(200, "GET", f"{path}?limit=2{cursor}")
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert [one["created_at"] for one in seen] == sorted((one["created_at"] for one in seen), reverse=True)
    assert [one["state"] for one in seen] == ["active", *["ended"] * 4]
    assert len({one["ended_at"] for one in seen[1:]}) == 1 and seen[0]["ended_at"] is None
    clock.advance(LIFETIME)
    people.sign_in(admin)
    (newest, *_) = admin.ok(200, "GET", path)["items"]
    assert (newest["state"], newest["ended_at"]) == ("ended", newest["expires_at"])


def test_sign_ins_take_two_rounds_of_reads(
    people: People, app: App, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, real, rounds = people.register(), Session.read_all, []

    def counted(session: Session, queries: Iterable[Query[Any]]) -> list[Any]:
        rounds.append(wanted := list(queries))
        return real(session, wanted)

    monkeypatch.setattr(Session, "read_all", counted)
    admin.ok(200, "GET", f"/admin/users/{person.id}/sign-ins")
    assert len(rounds) == 2


def test_an_administrator_revokes_a_key_and_its_owner_is_told(
    people: People, app: App, admin: Person, operator: Person, published: Recorder
) -> None:
    person, other = people.register(), people.register()
    key = a_key(person)
    path = f"/admin/users/{person.id}/api-keys/{key['id']}/revoke"
    operator.refused("FORBIDDEN", "POST", path, WHY)
    admin.refused("VALIDATION_FAILED", "POST", path, {"reason": "short"})
    admin.refused("NOT_FOUND", "POST", path.replace(person.id, other.id), WHY)
    assert app.call("GET", "/wallets", headers={"x-api-key": key["api_key"]}).status == 200
    admin.ok(204, "POST", path, WHY)
    assert app.call("GET", "/wallets", headers={"x-api-key": key["api_key"]}).status == 401
    admin.refused("NOT_FOUND", "POST", path, WHY)
    (row,) = audited(key["id"], "revoke_user_api_key")
    assert row.actor == admin.id and row.details["reason"] == WHY["reason"]
    told = published.sent[-1][1]
    assert (told["type"], told["subject"]) == ("account.api_keys_ended", person.id)
    assert told["data"]["details"] == {"count": "1", "api_key_id": key["id"]} | WHY


def test_an_administrator_ends_a_sign_in_once(
    people: People, app: App, admin: Person, operator: Person, published: Recorder
) -> None:
    person, other = people.register(), people.register()
    (one,) = person.ok(200, "GET", "/auth/sessions")["items"]
    path = f"/admin/users/{person.id}/sign-ins/{one['id']}/end"
    operator.refused("FORBIDDEN", "POST", path, WHY)
    admin.refused("NOT_FOUND", "POST", path.replace(person.id, other.id), WHY)
    for _ in range(2):
        admin.ok(204, "POST", path, WHY)
    assert person.refused("SIGN_IN_ENDED", "POST", "/wallets", {"name": "x"}).status == 401
    assert app.call("POST", "/auth/refresh", {"refresh_token": person.refresh_token}).status == 401
    assert published.types.count("account.sign_ins_ended") == 1
    assert {row.actor for row in audited(one["id"], "end_user_sign_in")} == {admin.id}
    people.sign_in(person)


def test_production_asks_for_the_second_factor(people: People, admin: Person) -> None:
    person = people.register(PASSWORD)
    key = a_key(person)
    (one,) = person.ok(200, "GET", "/auth/sessions")["items"]
    with resources.override(settings=replace(resources.settings(), environment="prod")):
        for path in (f"api-keys/{key['id']}/revoke", f"sign-ins/{one['id']}/end"):
            admin.refused("STEP_UP_REQUIRED", "POST", f"/admin/users/{person.id}/{path}", WHY)
