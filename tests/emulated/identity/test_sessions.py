"""Refresh, sign out, change the password, and reset it by mail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from shared import resources
from shared.identity import mail_tokens
from tests.emulated.conftest import Recorder
from tests.support.clock import TestClock
from tests.support.inprocess import App
from tests.support.people import PASSWORD, People, Person

NEW = "a quite different passphrase"


@dataclass
class Mailbox:
    """A mail port that keeps the mails that it has got. Looking into it has the
    published requests for mails received."""

    app: App
    published: Recorder
    _got: list[tuple[str, str, str]] = field(default_factory=list)
    _received: int = 0  # of the published events

    def send(self, to: str, subject: str, text: str) -> None:
        self._got.append((to, subject, text))

    @property
    def sent(self) -> list[tuple[str, str, str]]:
        """The mails: (to, subject, text)."""
        for _, envelope in self.published.sent[self._received :]:
            if envelope["type"] == "account.mail_requested":
                assert self.app.push("on_mail_requested", envelope).status == 204
        self._received = len(self.published.sent)
        return self._got

    def token(self) -> str:
        found = re.search(r"wbm_\S+", self.sent[-1][2])
        assert found
        return found[0]

    def ask_for_reset(self, email: str) -> None:
        """Ask for a mail with a reset token; the event that was published is received right after."""
        self.app.ok(204, "POST", "/auth/password/reset-request", {"email": email})
        assert self.published.sent[-1][1]["type"] == "account.mail_requested"
        assert self.sent is not None


@pytest.fixture
def mailbox(people: People, published: Recorder) -> Iterator[Mailbox]:
    box = Mailbox(people.app, published)
    with resources.override(mail=box):
        yield box


def refreshed(person: Person, token: str | None = None) -> None:
    answer = person.app.ok(200, "POST", "/auth/refresh", {"refresh_token": token or person.refresh_token})
    person.token, person.refresh_token = answer["token"], answer["refresh_token"]


def refused(app: App, code: str, path: str, body: dict[str, str], status: int = 401) -> None:
    answer = app.call("POST", path, body)
    assert (answer.status, answer.code) == (status, code), answer.text


def test_a_refresh_token_counts_once_and_reuse_ends_the_sign_in(people: People, app: App) -> None:
    person = people.register()
    first = person.refresh_token
    refreshed(person)
    assert person.ok(200, "GET", "/auth/me")["id"] == person.id
    refused(app, "REFRESH_TOKEN_REUSED", "/auth/refresh", {"refresh_token": first})
    refused(app, "REFRESH_TOKEN_INVALID", "/auth/refresh", {"refresh_token": person.refresh_token})


def test_a_made_up_token_around_a_known_family_changes_nothing(people: People, app: App) -> None:
    person = people.register()
    family, secret, _ = person.refresh_token.split(".")
    forged = f"{family}.{'A' * len(secret)}.{'A' * 43}"
    refused(app, "REFRESH_TOKEN_INVALID", "/auth/refresh", {"refresh_token": forged})
    refused(app, "REFRESH_TOKEN_INVALID", "/auth/refresh", {"refresh_token": "wbr_x"})
    refreshed(person)


def test_signing_out_ends_this_sign_in_only(people: People, app: App) -> None:
    person = people.register()
    first = person.refresh_token
    people.sign_in(person)
    person.ok(204, "POST", "/auth/logout")
    refused(app, "REFRESH_TOKEN_INVALID", "/auth/refresh", {"refresh_token": person.refresh_token})
    refreshed(person, first)


def test_a_session_ends_after_thirty_days_however_often_it_is_refreshed(people: People, app: App) -> None:
    with resources.override(clock=TestClock()) as _:
        person = people.register()
        clock = resources.clock()
        assert isinstance(clock, TestClock)
        clock.advance(timedelta(days=29))
        refreshed(person)
        clock.advance(timedelta(days=1))
        refused(app, "REFRESH_TOKEN_INVALID", "/auth/refresh", {"refresh_token": person.refresh_token})


def test_another_password_ends_the_other_sign_ins(people: People, app: App) -> None:
    person = people.register()
    other = person.refresh_token
    people.sign_in(person)
    person.refused("INVALID_CREDENTIALS", "POST", "/auth/password", {"current": "wrong one", "new": NEW})
    person.refused("VALIDATION_FAILED", "POST", "/auth/password", {"current": PASSWORD, "new": "password1"})
    changed = person.ok(200, "POST", "/auth/password", {"current": PASSWORD, "new": NEW})
    assert changed["version"] == 2
    refused(app, "REFRESH_TOKEN_INVALID", "/auth/refresh", {"refresh_token": other})
    refreshed(person)
    refused(app, "INVALID_CREDENTIALS", "/auth/login", {"email": person.email, "password": PASSWORD})
    people.sign_in(person, NEW)


def test_a_mailed_token_resets_the_password_once(people: People, app: App, mailbox: Mailbox) -> None:
    person = people.register()
    mailbox.ask_for_reset(person.email.upper())
    mailbox.ask_for_reset("nobody@example.com")
    mailbox.ask_for_reset("no address")
    assert [mail[0] for mail in mailbox.sent] == [person.email, person.email]  # the first was the welcome
    body = {"token": mailbox.token(), "password": NEW}
    assert app.ok(200, "POST", "/auth/password/reset", body)["email_verified"] is True
    refused(app, "MAIL_TOKEN_INVALID", "/auth/password/reset", body, 422)
    refused(app, "REFRESH_TOKEN_INVALID", "/auth/refresh", {"refresh_token": person.refresh_token})
    people.sign_in(person, NEW)


def test_the_notice_of_a_new_password_says_what_stays_active(
    people: People, app: App, mailbox: Mailbox, published: Recorder
) -> None:
    person = people.register()

    def added(webhooks: int) -> None:
        for _ in range(webhooks):
            body = {"url": "https://hooks.example.com/", "event_types": ["order.*"]}
            person.ok(201, "POST", "/webhooks", body)
        person.ok(201, "POST", "/auth/api-keys", {"name": "k", "scopes": ["wallet:read"]})

    def reset() -> None:
        mailbox.ask_for_reset(person.email)
        app.ok(200, "POST", "/auth/password/reset", {"token": mailbox.token(), "password": NEW})
        people.sign_in(person, NEW)

    def noticed() -> dict[str, str]:
        sent = [envelope for _, envelope in published.sent if envelope["type"] == "account.password_changed"]
        assert app.push("on_account_event", sent[-1]).status == 204
        details: dict[str, str] = sent[-1]["data"]["details"]
        return details

    added(1)
    reset()  # proves the mailbox, so it ends everything
    assert noticed() == {"active_webhooks": "0", "active_api_keys": "0"}
    added(2)
    reset()
    assert noticed() == {"active_webhooks": "2", "active_api_keys": "0"}
    assert "2 webhook endpoint(s), 0 API key(s)" in mailbox.sent[-1][2]
    assert "/console#/webhooks" in mailbox.sent[-1][2]
    added(0)
    person.ok(200, "POST", "/auth/password", {"current": NEW, "new": f"{NEW} again", "end_api_keys": False})
    assert noticed() == {"active_webhooks": "2", "active_api_keys": "1"}


def test_a_mailed_token_is_for_one_purpose_and_a_short_time(
    people: People, app: App, mailbox: Mailbox
) -> None:
    person = people.register()
    welcome = mailbox.token()
    refused(app, "MAIL_TOKEN_INVALID", "/auth/password/reset", {"token": welcome, "password": NEW}, 422)
    mailbox.ask_for_reset(person.email)
    late = TestClock(resources.clock().now() + mail_tokens.RESET.lifetime)
    with resources.override(clock=late):
        refused(
            app,
            "MAIL_TOKEN_INVALID",
            "/auth/password/reset",
            {"token": mailbox.token(), "password": NEW},
            422,
        )
    assert app.ok(200, "POST", "/auth/email/verify", {"token": welcome, "password": PASSWORD})[
        "email_verified"
    ]
    other = "A" if welcome[-5] != "A" else "B"  # not the last character: some of its bits may carry nothing
    forged = welcome[:-5] + other + welcome[-4:]
    refused(app, "MAIL_TOKEN_INVALID", "/auth/email/verify", {"token": forged, "password": PASSWORD}, 422)


def test_sign_ins_are_listed_with_device_and_network_and_ended(people: People, app: App) -> None:
    person = people.register()
    first, refresh = person.token, person.refresh_token
    body = {"email": person.email, "password": PASSWORD}
    phone = app.ok(200, "POST", "/auth/login", body, headers={"user-agent": "Phone/1.0"})
    people.sign_in(person)
    items = person.ok(200, "GET", "/auth/sessions")["items"]
    assert [item["current"] for item in items] == [True, False, False]
    assert items[1]["user_agent"] == "Phone/1.0" and items[1]["network"] == "local"
    assert items[1]["factors"] == ["pwd"] and items[1]["last_used_at"]
    person.ok(204, "DELETE", f"/auth/sessions/{items[1]['id']}")
    refused(app, "REFRESH_TOKEN_INVALID", "/auth/refresh", {"refresh_token": phone["refresh_token"]})
    refreshed(person, refresh)
    people.sign_in(person)
    person.ok(204, "DELETE", "/auth/sessions")
    assert [item["current"] for item in person.ok(200, "GET", "/auth/sessions")["items"]] == [True]
    old = {"authorization": f"Bearer {first}"}
    assert app.call("POST", "/wallets", {"name": "x"}, headers=old).code == "SIGN_IN_ENDED"
    person.ok(201, "POST", "/wallets", {"name": "x"})
    other = people.register()
    other.refused("NOT_FOUND", "DELETE", f"/auth/sessions/{items[0]['id']}")
