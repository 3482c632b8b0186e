"""Endpoints belong to accounts: they give a key no further rights, and they end or stop with their owner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from shared import resources
from shared.auth import mailbox
from shared.domain.permissions import Caller
from shared.identity.passwords import Passwords
from shared.ops import rotate_master_key
from shared.runtime.clock import new_id
from shared.runtime.context import Context, deadline_in, running
from shared.store.session import Session
from shared.store.tables.users import USERS
from shared.store.tables.webhooks import LANES, WEBHOOKS
from shared.writes.commit import commit
from tests.emulated.webhooks.world import Hooks
from tests.support.clock import ShiftedClock
from tests.support.inprocess import App
from tests.support.people import People, Person
from tests.support.receivers import Receiver, answer, receiver


@pytest.fixture
def person(app: App) -> Iterator[Person]:
    with resources.override(passwords=Passwords(passes=1, memory_kib=64)):
        yield People(app).register()


def webhook_of(person: Person, url: str, *types: str) -> dict[str, str]:
    body = {"url": url, "event_types": list(types) or ["*"]}
    made: dict[str, str] = person.ok(201, "POST", "/webhooks", body)
    return made


def test_a_key_that_may_not_read_events_has_none_delivered(
    person: Person, app: App, taking: Receiver
) -> None:
    made = webhook_of(person, taking.url)
    scopes = ["webhook:read", "webhook:write"]
    body = {"name": "narrow", "scopes": scopes}
    key = {"x-api-key": person.ok(201, "POST", "/auth/api-keys", body)["api_key"]}
    path = f"/webhooks/{made['id']}"
    wanted = {"url": taking.url, "event_types": ["*"]}
    test = app.call("POST", f"{path}/test", headers=key)
    for method, where, sent in (
        ("POST", "/webhooks", wanted),
        ("PUT", path, {"url": "https://attacker.example.com/"}),
        ("GET", f"{path}/deliveries/{test.body['id']}", None),
    ):
        refused = app.call(method, where, sent, headers=key)
        assert (refused.status, refused.code) == (403, "FORBIDDEN"), refused.text
        assert refused.body["error"]["data"] == {"permission": "event:read"}
    assert app.call("GET", path, headers=key).status == 200
    body = {"name": "wide", "scopes": [*scopes, "event:read"]}
    wide = {"x-api-key": person.ok(201, "POST", "/auth/api-keys", body)["api_key"]}
    assert app.call("POST", "/webhooks", wanted, headers=wide).status == 201


def test_a_disabled_account_is_told_nothing(person: Person, hooks: Hooks, taking: Receiver) -> None:
    webhook_of(person, taking.url, "order.*")
    session = Session(resources.database().snapshot())
    user = session.one(USERS.get(person.id))
    resources.database().write([USERS.write("upsert", replace(user, disabled=True))])
    hooks.happen(person.id)
    hooks.drain()
    assert taking.got == []
    resources.database().write([USERS.write("upsert", user)])
    with resources.override(clock=ShiftedClock(timedelta(minutes=11))):
        hooks.sweep()
    assert len(taking.got) == 1


def test_the_proof_of_a_mailbox_stops_endpoints_that_were_there_before(
    person: Person, hooks: Hooks, taking: Receiver
) -> None:
    made = webhook_of(person, taking.url, "order.*")
    user = Session(resources.database().snapshot()).one(USERS.get(person.id))
    resources.database().write([USERS.write("upsert", replace(user, email_verified=False))])
    context = Context("tests", new_id("req"), deadline_in(60), caller=Caller.of_system())
    with running(context):
        commit(lambda unit: mailbox.prove(unit, unit.one(USERS.get(person.id)), "hash") and None)
    hooks.happen(person.id)
    hooks.sweep()
    assert taking.got == []
    row = Session(resources.database().snapshot()).one(WEBHOOKS.get(made["id"]))
    assert (row.status, row.disabled_reason) == ("disabled", "account_recovered")


def test_an_endpoint_goes_with_its_account(person: Person) -> None:
    made = webhook_of(person, "https://hooks.example.com/")
    exported = person.ok(200, "GET", "/auth/me/export")
    (shown,) = exported["data"]["webhooks"]
    assert shown["url"] == "https://hooks.example.com/" and "sealed" not in shown
    person.ok(200, "DELETE", "/auth/me?confirm=true")
    session = Session(resources.database().snapshot())
    assert session.maybe(WEBHOOKS.find(made["id"])) is None
    assert session.maybe(LANES.find(made["id"])) is None


def test_the_owner_is_mailed_what_was_added_and_what_is_given_up(
    person: Person, hooks: Hooks, tmp_path: Path
) -> None:
    with receiver(answer(410)) as gone:
        webhook_id = webhook_of(person, gone.url, "order.*")["id"]
        hooks.happen(person.id)
        hooks.drain()
    for operation, kind in (
        ("on_account_event", "account.webhook_added"),
        ("on_webhook_disabled", "webhook.disabled"),
    ):
        (envelope,) = [envelope for _, envelope in hooks.published.sent if envelope["type"] == kind]
        assert hooks.app.push(operation, envelope).status == 204
    files = (tmp_path / "mail").glob("*.eml")
    mails = [message_from_bytes(path.read_bytes(), policy=default).get_content() for path in files]
    assert any("A webhook endpoint was added" in mail for mail in mails)
    (told,) = [mail for mail in mails if "410 Gone" in mail]
    assert webhook_id in told and "/resend" in told
    assert gone.url not in told, "a stolen API key would have us mail the owner a link of its choice"
    assert f"/console#/webhooks/{webhook_id}" in told


def test_secrets_follow_a_new_master_key(person: Person, hooks: Hooks, taking: Receiver) -> None:
    made = webhook_of(person, taking.url, "order.*")
    rotated = person.ok(200, "POST", f"/webhooks/{made['id']}/rotate-secret", {})
    with running(Context("rotation", new_id("req"), deadline_in(60), caller=Caller.of_system())):
        assert rotate_master_key.rotate() >= 2
        assert len(rotate_master_key.status()) == 1
        rotate_master_key.retire()
    hooks.happen(person.id)
    hooks.drain()
    for secret in (made["secret"], rotated["secret"]):
        taking.got[0].verify(secret)
