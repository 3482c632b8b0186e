"""An account that somebody else made with a person's address: no rights before the proof, and no earlier rights after
it (A5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from shared import resources
from shared.identity.passwords import Passwords
from shared.store.session import Session
from shared.store.tables.users import USERS
from tests.emulated.conftest import Recorder
from tests.emulated.desk.world import Desk
from tests.emulated.identity.test_sessions import NEW, Mailbox, mailbox
from tests.support.authenticator import Authenticator
from tests.support.clock import TestClock
from tests.support.inprocess import App, command
from tests.support.people import PASSWORD, People, Person

__all__ = ["mailbox"]
FRIEND = "0x00000000000000000000000000000000000000F1"


@pytest.fixture
def strict(people: People) -> Iterator[None]:
    """Require a verified address first, like in production."""
    with resources.override(settings=replace(resources.settings(), require_verified_email=True)):
        yield


def reset(app: App, person: Person, mailbox: Mailbox, password: str = NEW) -> None:
    mailbox.ask_for_reset(person.email)
    app.ok(200, "POST", "/auth/password/reset", {"token": mailbox.token(), "password": password})


def test_the_victim_who_takes_the_account_leaves_the_attacker_nothing(
    people: People, app: App, mailbox: Mailbox
) -> None:
    attacker = people.register()
    wallet = attacker.wallet()
    key = attacker.ok(201, "POST", "/auth/api-keys", {"name": "k", "scopes": ["wallet:read", "wallet:write"]})
    with resources.override(clock=TestClock(resources.clock().now())):
        clock = resources.clock()
        assert isinstance(clock, TestClock)
        codes = Authenticator(attacker, clock).prove()
        reset(app, attacker, mailbox)
        with_key = {"x-api-key": key["api_key"]}
        assert app.call("GET", "/wallets", headers=with_key).code == "API_KEY_INVALID"
        assert app.call("POST", "/auth/refresh", {"refresh_token": attacker.refresh_token}).status == 401
        for call in (("POST", "/wallets", {"name": "x"}), ("DELETE", "/auth/totp", None)):
            assert attacker.call(*call).code == "SIGN_IN_ENDED", call
        victim = Person(app, attacker.id, attacker.email, "", "")
        people.sign_in(victim, NEW)  # without the attacker's second factor
        assert codes is not None and victim.ok(200, "GET", "/auth/api-keys")["items"] == []
        assert len(victim.ok(200, "GET", "/auth/sessions")["items"]) == 1
        (marked,) = victim.ok(200, "GET", "/wallets")["items"]
        assert (marked["id"], marked["unproven"]) == (wallet["id"], True)
        sent = victim.refused("WALLET_REQUIRED", "POST", "/transactions", {"to": FRIEND, "value": "1"})
        assert sent.body["error"]["data"]["wallets"] == [wallet["id"]]
        confirmed = victim.ok(200, "POST", f"/wallets/{wallet['id']}/confirm")
        assert confirmed["unproven"] is False
        assert victim.call("POST", "/transactions", {"to": FRIEND, "value": "1"}).code != "WALLET_REQUIRED"


def test_a_claim_never_pays_to_a_wallet_of_before(
    people: People, app: App, desk: Desk, mailbox: Mailbox
) -> None:
    attacker = people.register()
    attacker.wallet()
    reset(app, attacker, mailbox)
    people.sign_in(attacker, NEW)
    order = desk.order(desk.shopper())
    attacker.refused("WALLET_REQUIRED", "POST", "/claims", {"order_id": order["id"]})
    mine = attacker.wallet()
    assert attacker.ok(201, "POST", "/claims", {"order_id": order["id"]})["wallet_id"] == mine["id"]


@pytest.fixture
def desk(app: App, published: Recorder, emulators: Mapping[str, str]) -> Desk:
    return Desk(app, published, emulators["RPC_URL"])


@pytest.mark.usefixtures("strict")
def test_before_the_proof_there_is_nothing_with_money_keys_or_webhooks(
    people: People, app: App, desk: Desk, mailbox: Mailbox
) -> None:
    person = people.register()
    calls: tuple[tuple[str, str, Any], ...] = (
        ("POST", "/wallets", {"name": "x"}),
        ("POST", "/wallets/import", {"name": "x", "private_key": "0x" + "11" * 32}),
        ("POST", "/transactions", {"to": FRIEND, "value": "1"}),
        ("POST", "/transactions/txn_x/cancel", None),
        ("POST", "/supplies", {"currency": "ETH", "amount": "1"}),
        ("POST", "/claims/next", {}),
        ("POST", "/auth/api-keys", {"name": "k", "scopes": ["wallet:read"]}),
        ("POST", "/security/generate-mnemonic", {"strength": 128}),
    )
    for method, path, body in calls:
        answer = person.call(method, path, body)
        assert (answer.status, answer.code) == (403, "EMAIL_UNVERIFIED"), path
    assert person.ok(200, "GET", "/wallets")["items"] == []
    assert desk.app.push("claim_next", command("claim.next", person.id, {})).status == 204
    refused = desk.envelope("command.refused", person.id)
    assert refused["data"]["error"]["code"] == "EMAIL_UNVERIFIED"
    token = mailbox.token()
    verify = {"token": token, "password": PASSWORD}
    assert app.ok(200, "POST", "/auth/email/verify", verify)["email_verified"] is True
    assert app.call("POST", "/auth/refresh", {"refresh_token": person.refresh_token}).status == 401
    people.sign_in(person)
    person.wallet()
    person.ok(201, "POST", "/auth/api-keys", {"name": "k", "scopes": ["wallet:read"]})


@pytest.mark.usefixtures("strict")
def test_who_reads_the_mail_does_not_prove_it_for_who_registered(
    people: People, app: App, mailbox: Mailbox
) -> None:
    """The victim's click would make the attacker's account a proven one."""
    attacker = people.register()
    token = mailbox.token()
    assert app.call("POST", "/auth/email/verify", {"token": token}).status == 422
    wrong = app.call("POST", "/auth/email/verify", {"token": token, "password": "what is this?"})
    assert (wrong.status, wrong.code) == (401, "INVALID_CREDENTIALS")
    assert attacker.ok(200, "GET", "/auth/me")["email_verified"] is False


def test_a_later_reset_keeps_the_second_factor_and_ends_the_keys(
    people: People, app: App, mailbox: Mailbox
) -> None:
    person = people.register()
    reset(app, person, mailbox)
    people.sign_in(person, NEW)
    wallet = person.wallet()
    key = person.ok(201, "POST", "/auth/api-keys", {"name": "k", "scopes": ["wallet:read"]})["api_key"]
    with resources.override(clock=TestClock(resources.clock().now())):
        clock = resources.clock()
        assert isinstance(clock, TestClock)
        phone = Authenticator(person, clock)
        phone.prove()
        reset(app, person, mailbox, "yet another passphrase")
        assert app.call("GET", "/wallets", headers={"x-api-key": key}).status == 401
        body = {"email": person.email, "password": "yet another passphrase"}
        assert app.call("POST", "/auth/login", body).code == "SECOND_FACTOR_REQUIRED"
        people.sign_in(person, "yet another passphrase", otp=phone.code())
        assert person.ok(200, "GET", f"/wallets/{wallet['id']}")["unproven"] is False


@pytest.mark.parametrize(("end", "status"), [(None, 401), (True, 401), (False, 200)])
def test_a_password_change_ends_the_keys_unless_they_shall_stay(
    people: People, app: App, end: bool | None, status: int
) -> None:
    person = people.register()
    key = person.ok(201, "POST", "/auth/api-keys", {"name": "k", "scopes": ["wallet:read"]})["api_key"]
    body = {"current": PASSWORD, "new": NEW} | ({} if end is None else {"end_api_keys": end})
    person.ok(200, "POST", "/auth/password", body)
    assert app.call("GET", "/wallets", headers={"x-api-key": key}).status == status


def test_registering_tells_nobody_which_addresses_have_accounts(
    people: People, app: App, mailbox: Mailbox
) -> None:
    """A18: 409 revealed them. The product informs the owner by mail instead."""
    person = people.register()
    body = {"email": person.email.upper(), "password": NEW}
    again = app.call("POST", "/auth/register", body)
    fresh = app.call("POST", "/auth/register", {"email": "fresh@example.com", "password": NEW})
    assert again.status == fresh.status == 201 and again.body.keys() == fresh.body.keys()
    varies = {"id", "email", "created_at", "updated_at"}
    assert {k: v for k, v in again.body.items() if k not in varies} == {
        k: v for k, v in fresh.body.items() if k not in varies
    }
    assert again.body["id"] != person.id and again.body["email"] == person.email
    assert [(to, subject) for to, subject, _ in mailbox.sent][1] == (person.email, "You have an account")
    people.sign_in(person)
    assert app.call("POST", "/auth/login", body).code == "INVALID_CREDENTIALS"
    users = Session(resources.database().snapshot()).many(USERS.scan())
    assert len(users) == 2


def test_a_made_up_reset_token_costs_no_hash(people: People, app: App) -> None:
    """A18: argon2 ran before the check of the token's MAC."""
    person = people.register()
    hashed: list[str] = []

    class Counted(Passwords):
        def hash(self, password: str) -> str:
            hashed.append(password)
            return super().hash(password)

    token = f"wbm_{person.id}.9999999999.{'A' * 43}"
    with resources.override(passwords=Counted(passes=1, memory_kib=64)):
        answer = app.call("POST", "/auth/password/reset", {"token": token, "password": NEW})
    assert (answer.status, answer.code, hashed) == (422, "MAIL_TOKEN_INVALID", [])
