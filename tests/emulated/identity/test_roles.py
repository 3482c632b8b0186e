"""Who may do what: call every route that names somebody's resource, with every role, on own and foreign resources.

The expected results are the table of docs/identity.md, which is made from the declarations
(`schemas.contract.permissions`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from schemas.contract import permissions
from shared import resources
from shared.runtime import operation
from shared.runtime.operation import SELF, HttpTrigger
from shared.store.session import Session
from shared.store.tables.users import USERS
from tests.emulated.conftest import Recorder
from tests.emulated.desk.world import NO_CACHE, Desk
from tests.emulated.identity.test_every_object import (
    BODIES,
    FRIEND,
    UNOWNED,
    desk,
    filled,
    naming,
    rows,
    theirs,
)
from tests.emulated.wallets.test_signing import typed
from tests.support.authenticator import Authenticator
from tests.support.clock import TestClock
from tests.support.inprocess import Answer, App, command
from tests.support.people import People, Person

__all__ = ["desk", "theirs"]
AT_NO_VERSION = {"if-match": '"999999"'}  # stops permitted calls, so that nothing changes for the next
CLAIMERS = {"POST /claims/{claim_id}/heartbeat", "POST /claims/{claim_id}/release"}
ELSEWHERE = {  # other reasons for a refusal here than authorisation: a missing row
    "POST /claims",  # nobody may claim their own order
    "POST /orders",
    "GET /transactions/{transaction_id}/receipt",  # none exists yet
    "POST /transactions/{transaction_id}/approve",  # tested in tests/emulated/engine/test_approval.py
}


def called(app: App, route: str, trigger: HttpTrigger, names: dict[str, str], token: str) -> Answer:
    headers = {"authorization": f"Bearer {token}"} | NO_CACHE | AT_NO_VERSION
    path = str(filled(trigger.path.removeprefix("/api/v1"), names))
    return app.call(trigger.method, path, filled(BODIES.get(route), names), headers=headers)


def concerned(names: dict[str, str]) -> Iterator[tuple[str, HttpTrigger]]:
    for route, trigger in naming():
        known = set(trigger.pattern.groupindex) <= names.keys()
        if known and route not in UNOWNED | ELSEWHERE and not trigger.path.startswith("/api/v1/auth"):
            yield route, trigger


def let_through(answer: Answer) -> bool:
    return answer.status not in (401, 403, 404)


@pytest.mark.parametrize("role", permissions.ROLES)
def test_each_role_reaches_what_the_table_says(app: App, theirs: dict[str, str], role: str) -> None:
    other, owner, claimer = (app.token(name, role) for name in ("usr_x", theirs["id"], theirs["claimer_id"]))
    wrong, tried = [], 0
    for route, trigger in concerned(theirs):
        reach = permissions.reach(trigger, role)
        seen = (
            let_through(called(app, route, trigger, theirs, claimer if route in CLAIMERS else owner)),
            let_through(called(app, route, trigger, theirs, other)),
        )
        tried += 1
        wanted = {
            permissions.NO: (False, False),
            permissions.OWN: (True, False),
            permissions.ALL: (True, True),
        }
        if trigger.others == "approver":  # tested in tests/emulated/engine/test_approval.py
            continue
        if trigger.path.startswith(
            "/api/v1/admin"
        ):  # nobody changes their own rights, and the step-up comes first
            continue
        if seen != wanted[reach]:
            wrong.append((route, reach, seen))
    assert wrong == [] and tried >= 25


@pytest.fixture
def admin(people: People) -> Person:
    """A person with every right that one person can have, like the first administrator."""
    person = people.register()
    user = Session(resources.database().snapshot()).one(USERS.get(person.id))
    roles = ("admin", "operator", "user")
    resources.database().write([USERS.write("update", replace(user, roles=roles))])
    people.sign_in(person)
    return person


def test_an_administrator_moves_signs_and_changes_nothing_of_others(
    theirs: dict[str, str], admin: Person, people: People
) -> None:
    """A7: one administrator's credential could send, sign and change policies for everybody."""
    before = rows()
    key = admin.ok(
        201, "POST", "/auth/api-keys", {"name": "all", "scopes": ["wallet:sign", "transaction:send"]}
    )
    wallet = theirs["wallet_id"]
    for headers in ({"authorization": f"Bearer {admin.token}"}, {"x-api-key": key["api_key"]}):
        for path, body in (
            ("/transactions", {"wallet_id": wallet, "to": FRIEND, "value": "1"}),
            (f"/wallets/{wallet}/sign-message", {"message": "x"}),
            (f"/wallets/{wallet}/sign-typed-data", {"typed_data": typed()}),
        ):
            answer = admin.app.call("POST", path, body, headers=headers)
            assert (answer.status, answer.code) == (404, "NOT_FOUND"), path
    for method, path, body in (
        ("POST", f"/wallets/{wallet}/export", {"format": "private_key"}),
        ("PUT", f"/wallets/{wallet}/policy", {"paused": True}),
        ("DELETE", f"/wallets/{wallet}?force=true", None),
        ("POST", f"/wallets/{wallet}/accounts", {}),
        ("POST", f"/claims/{theirs['claim_id']}/process", None),
        ("POST", f"/claims/{theirs['claim_id']}/release", None),
        ("POST", f"/orders/{theirs['open_id']}/cancel", None),
        ("DELETE", f"/supplies/{theirs['supply_id']}", None),
    ):
        assert not let_through(admin.call(method, path, body)), path
    told = {"api_keys", "audit", "operations", "outbox", "events"}
    assert {name: value for name, value in rows().items() if name not in told} == {
        name: value for name, value in before.items() if name not in told
    }


def test_the_glass_is_broken_by_a_person_with_a_factor_and_a_reason_and_the_user_is_told(
    theirs: dict[str, str], admin: Person, people: People, published: Recorder
) -> None:
    body = {"user_id": theirs["id"], "reason": "lost their phone, ticket 4711"}
    with resources.override(clock=TestClock(resources.clock().now())):
        clock = resources.clock()
        assert isinstance(clock, TestClock)
        admin.refused("STEP_UP_REQUIRED", "POST", "/admin/act", body)
        phone = Authenticator(admin, clock)
        phone.prove()
        admin.refused("VALIDATION_FAILED", "POST", "/admin/act", body | {"reason": "x"})
        admin.refused("NOT_FOUND", "POST", "/admin/act", body | {"user_id": "usr_none"})
        admin.refused("VALIDATION_FAILED", "POST", "/admin/act", body | {"user_id": admin.id})
        answer = admin.ok(201, "POST", "/admin/act", body)
        told = next(event for _, event in published.sent if event["type"] == "account.acted_for")
        assert told["subject"] == theirs["id"] and told["data"]["details"]["reason"] == body["reason"]
        acting = {"authorization": f"Bearer {answer['token']}"}
        send = {"wallet_id": theirs["wallet_id"], "to": FRIEND, "value": "1"}
        assert admin.app.call("POST", "/transactions", send, headers=acting).status == 202
        audit = admin.ok(200, "GET", f"/audit?actor={admin.id}")["items"]
        rows_of = {row["action"]: row for row in audit if "denied" not in str(row["events"])}
        assert rows_of["send_transaction"]["details"] == {"acting_for": theirs["id"]}
        assert rows_of["act_for_user"]["details"]["reason"] == body["reason"]
        assert rows_of["act_for_user"]["resource"] == theirs["id"]
        wallet = f"/wallets/{theirs['wallet_id']}"
        for method, path, more in (
            ("POST", f"{wallet}/export", {"format": "private_key"}),
            ("PUT", f"{wallet}/policy", {"paused": True}),
            ("POST", "/auth/api-keys", {"name": "k", "scopes": ["wallet:read"]}),
            ("POST", "/admin/act", body),
        ):
            assert admin.app.call(method, path, more, headers=acting).code == "FORBIDDEN", path
        other = people.register()
        theirs_too = {"wallet_id": other.wallet()["id"], "to": FRIEND, "value": "1"}
        assert admin.app.call("POST", "/transactions", theirs_too, headers=acting).code == "NOT_FOUND"
        clock.advance(resources.tokens().lifetime)
        assert admin.app.call("POST", "/transactions", send, headers=acting).code == "TOKEN_EXPIRED"
        people.sign_in(admin, otp=phone.code())
        admin.ok(201, "POST", "/admin/act", body)
        clock.advance(resources.tokens().lifetime / 2)
        admin.refused("STEP_UP_REQUIRED", "POST", "/admin/act", body)
        refused = admin.app.call("POST", "/auth/api-keys", {"name": "k", "scopes": ["admin:act"]})
        assert refused.status in (401, 422)


def test_neither_operators_nor_keys_break_the_glass(theirs: dict[str, str], admin: Person, app: App) -> None:
    body = {"user_id": theirs["id"], "reason": "because I can"}
    assert app.call("POST", "/admin/act", body, user="ops", roles=("operator",)).code == "FORBIDDEN"
    key = {"name": "k", "scopes": ["admin:users"]}
    text = admin.ok(201, "POST", "/auth/api-keys", key)["api_key"]
    assert app.call("POST", "/admin/act", body, headers={"x-api-key": text}).code == "FORBIDDEN"
    admin.refused("VALIDATION_FAILED", "POST", "/auth/api-keys", {"name": "k", "scopes": ["admin:act"]})


# Commands: the same rule for the other trigger (A14).


def commands() -> Iterator[tuple[str, str, HttpTrigger]]:
    """(operation, command type, its route)."""
    for name, entry in operation.catalog().items():
        for trigger in entry.messages:
            if trigger.request is not None:
                yield from ((name, kind, entry.https[0]) for kind in trigger.types)


def test_every_command_has_one_permission_and_asks_for_no_person() -> None:
    found = list(commands())
    assert len(found) >= 15
    for name, _, trigger in found:
        assert operation.catalog()[name].route is trigger and not trigger.person


def test_no_command_of_a_stranger_reaches_anything_of_others(desk: Desk, theirs: dict[str, str]) -> None:
    """A14: `claim.retry_settlement` skipped its route's check."""
    stranger = desk.person()
    desk.wallet(stranger)
    told = {"audit", "operations", "outbox", "events"}
    before = {name: value for name, value in rows().items() if name not in told}
    wrong = []
    for name, kind, trigger in commands():
        route = f"{trigger.method} {trigger.path.removeprefix('/api/v1')}"
        ids = {one: theirs[one] for one in trigger.pattern.groupindex}
        if not ids and route not in BODIES:
            continue
        data = {**(filled(BODIES.get(route), theirs) or {}), **ids}
        assert desk.app.push(name, command(kind, stranger, data)).status == 204
        code = desk.envelope("command.refused", stranger)["data"]["error"]["code"]
        if code not in ("NOT_FOUND", "FORBIDDEN"):
            wrong.append((kind, code))
    assert wrong == []
    assert {name: value for name, value in rows().items() if name not in told} == before


def test_an_operators_command_has_the_operators_rights_and_no_users(
    desk: Desk, people: People, theirs: dict[str, str]
) -> None:
    person = people.register()
    user = Session(resources.database().snapshot()).one(USERS.get(person.id))
    resources.database().write([USERS.write("update", replace(user, roles=("operator",)))])
    retry = command("claim.retry_settlement", person.id, {"claim_id": theirs["claim_id"], "reason": "again"})
    assert desk.app.push("retry_settlement", retry).status == 204
    assert desk.envelope("command.refused", person.id)["data"]["error"]["code"] == "INVALID_STATE"


def test_a_key_with_every_scope_does_nothing_that_asks_for_a_person(
    app: App, people: People, theirs: dict[str, str]
) -> None:
    person = people.register()
    scopes = sorted(permissions.permissions_of(["user"]))
    text = person.ok(201, "POST", "/auth/api-keys", {"name": "all", "scopes": scopes})["api_key"]
    names = theirs | {"session_id": "ses_x", "passkey_id": "pky_x"}
    wrong, tried = [], 0
    for entry in operation.catalog().values():
        for trigger in entry.https:
            if trigger.person and set(trigger.pattern.groupindex) <= names.keys():
                path = str(filled(trigger.path.removeprefix("/api/v1"), names))
                answer = app.call(trigger.method, path, headers={"x-api-key": text})
                tried += 1
                if answer.code != "FORBIDDEN":
                    wrong.append((trigger.method, path, answer.text))
    assert wrong == [] and tried >= 12
    assert {
        one.permission for entry in operation.catalog().values() for one in entry.https if one.person
    } >= {SELF}
