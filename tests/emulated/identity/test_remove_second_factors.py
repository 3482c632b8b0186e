"""An operator removes the second factors of an account whose owner cannot sign in any more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared import resources
from shared.ops import remove_second_factors
from tests.emulated.conftest import Recorder
from tests.emulated.identity.test_passkeys import added
from tests.emulated.identity.test_sessions import NEW, Mailbox, mailbox
from tests.support.authenticator import Authenticator
from tests.support.clock import TestClock
from tests.support.inprocess import App
from tests.support.people import PASSWORD, People, Person

__all__ = ["mailbox"]


@pytest.fixture
def clock(people: People) -> Iterator[TestClock]:
    moved = TestClock(resources.clock().now())
    with resources.override(clock=moved):
        yield moved


def reset(app: App, person: Person, mailbox: Mailbox, password: str) -> None:
    mailbox.ask_for_reset(person.email)
    app.ok(200, "POST", "/auth/password/reset", {"token": mailbox.token(), "password": password})


def code(app: App, person: Person, password: str) -> str | None:
    return app.call("POST", "/auth/login", {"email": person.email, "password": password}).code


def test_a_thief_who_added_a_second_factor_does_not_keep_the_owner_out(
    people: People, app: App, clock: TestClock, mailbox: Mailbox, published: Recorder
) -> None:
    """The reset by mail kept the thief's app, and nobody could remove it."""
    owner = people.register()
    reset(app, owner, mailbox, PASSWORD)  # the mailbox is proved
    thief = Person(app, owner.id, owner.email, "", "")
    people.sign_in(thief)
    Authenticator(thief, clock).prove()
    added(thief)
    notice = next(one for _, one in published.sent if one["type"] == "account.second_factor_added")
    app.push("on_account_event", notice)
    assert "A new password does not remove a second factor." in mailbox.sent[-1][2]
    reset(app, owner, mailbox, NEW)
    assert code(app, owner, NEW) == "SECOND_FACTOR_REQUIRED"
    assert remove_second_factors.main([owner.email]) == 0
    people.sign_in(owner, NEW)
    assert owner.ok(200, "GET", "/auth/me")["second_factors"] == []
    assert owner.ok(200, "GET", "/auth/passkeys")["items"] == []
    removed = [one for _, one in published.sent if one["type"] == "account.second_factor_removed"]
    assert sorted(one["data"]["details"]["factor"] for one in removed) == ["passkey", "totp"]


def test_it_ends_sign_ins_and_api_keys(people: People, app: App, clock: TestClock) -> None:
    person = people.register()
    Authenticator(person, clock).prove()
    key = person.ok(201, "POST", "/auth/api-keys", {"name": "robot", "scopes": ["wallet:read"]})["api_key"]
    remove_second_factors.remove(person.email)
    assert app.call("GET", "/wallets", headers={"x-api-key": key}).code == "API_KEY_INVALID"
    assert app.call("POST", "/auth/refresh", {"refresh_token": person.refresh_token}).status == 401


def test_it_says_what_is_wrong(people: People, capsys: pytest.CaptureFixture[str]) -> None:
    person = people.register()
    for email, said in (
        (person.email, "NO_SECOND_FACTOR: The account has no second factor: there is nothing to remove.\n"),
        ("nobody@example.com", "NOT_FOUND: There is no account with this e-mail address.\n"),
    ):
        assert remove_second_factors.main([email]) == 1
        assert capsys.readouterr().err == said
    assert remove_second_factors.main([]) == 2
