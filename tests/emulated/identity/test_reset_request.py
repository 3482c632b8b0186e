"""Asking for a new password: what the answer and its work tell about an address, and when the mail is sent."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared import resources
from shared.adapters.rate_limits import Limiter, OwnCounters
from shared.auth import mail_budget
from shared.identity import mail_tokens
from shared.store.session import Session
from shared.store.table import TABLES
from tests.emulated.conftest import Recorder
from tests.emulated.identity.test_sessions import NEW, Mailbox, mailbox
from tests.support.clock import TestClock
from tests.support.inprocess import Answer, App
from tests.support.people import People

__all__ = ["mailbox"]


class NoServer:
    """A mail server that takes nothing, and that nobody should wait for."""

    calls = 0

    def send(self, to: str, subject: str, text: str) -> None:
        self.calls += 1
        raise TimeoutError


@pytest.fixture
def server(people: People) -> Iterator[NoServer]:
    found = NoServer()
    with resources.override(mail=found):
        yield found


def ask(app: App, email: str, network: str = "192.0.2.1") -> Answer:
    headers = {"x-forwarded-for": network}
    return app.call("POST", "/auth/password/reset-request", {"email": email}, headers=headers)


def rows() -> dict[str, int]:
    session = Session(resources.database().snapshot())
    return {name: len(session.many(table.scan())) for name, table in TABLES.items()}


def added(before: dict[str, int]) -> dict[str, int]:
    return {name: count - before[name] for name, count in rows().items() if count != before[name]}


def shape(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """What everybody's event has in common: ids, moments and counts by their length."""
    return {
        key: type(value).__name__ if key == "data" else len(str(value)) for key, value in envelope.items()
    }


def test_known_and_unknown_addresses_do_the_same_and_mail_nothing_within_the_request(
    people: People, app: App, published: Recorder, server: NoServer
) -> None:
    person = people.register()
    server.calls = 0
    done = []
    for email in (person.email, "nobody@example.com", "no address"):
        before, sent = rows(), len(published.sent)
        answer = ask(app, email)
        assert (answer.status, answer.text) == (204, "")
        ((topic, envelope),) = published.sent[sent:]
        done.append((topic, shape(envelope), added(before)))
    assert done[0] == done[1] == done[2] and done[0][0] == "account-events"
    assert server.calls == 0


def test_in_production_every_answer_takes_the_same_time(people: People, app: App, server: NoServer) -> None:
    person = people.register()
    with resources.override(settings=replace(resources.settings(), environment="prod")):
        for email in (person.email, "nobody@example.com"):
            began = time.monotonic()
            assert ask(app, email).status == 204
            assert time.monotonic() - began >= 0.5


def test_a_mail_that_was_not_taken_is_sent_again(
    people: People, app: App, published: Recorder, server: NoServer
) -> None:
    person = people.register()
    assert ask(app, person.email).status == 204
    envelope = published.sent[-1][1]
    assert app.push("on_mail_requested", envelope).status == 503
    box = Mailbox(app, published)
    with resources.override(mail=box):
        assert app.push("on_mail_requested", envelope).status == 204
        body = {"token": box.token(), "password": NEW}
    app.ok(200, "POST", "/auth/password/reset", body)


def test_the_mail_leads_to_the_page_and_nobody_gets_it_late(
    people: People, app: App, published: Recorder, mailbox: Mailbox
) -> None:
    person = people.register()
    site = "https://wallet.example"
    with resources.override(settings=replace(resources.settings(), site_url=site)):
        mailbox.ask_for_reset(person.email)
    assert f"\n{site}/console#/reset/{mailbox.token()}\n" in mailbox.sent[-1][2]
    sent = len(mailbox.sent)
    late = TestClock(resources.clock().now() + mail_tokens.RESET.lifetime + timedelta(seconds=1))
    with resources.override(clock=late):
        assert app.push("on_mail_requested", published.sent[-1][1]).status == 204
    assert len(mailbox.sent) == sent


def test_a_request_that_comes_twice_mails_nothing_after_the_password_was_chosen(
    people: People, app: App, published: Recorder, mailbox: Mailbox
) -> None:
    person = people.register()
    mailbox.ask_for_reset(person.email)
    request = published.sent[-1][1]
    app.ok(200, "POST", "/auth/password/reset", {"token": mailbox.token(), "password": NEW})
    sent = len(mailbox.sent)
    assert app.push("on_mail_requested", request).status == 204
    assert len(mailbox.sent) == sent
    mailbox.ask_for_reset(person.email)  # a later request is a new one
    assert len(mailbox.sent) == sent + 1


def test_an_address_gets_few_mails_however_many_networks_ask_and_nobody_learns_whether_it_has_an_account(
    people: People, app: App, published: Recorder, mailbox: Mailbox
) -> None:
    person, other = people.register(), people.register()
    chosen = replace(resources.settings(), forwarded_hops=1)
    limiter = Limiter(OwnCounters(), {"public": 100, mail_budget.LIMIT: 3})
    with resources.override(limiter=limiter, settings=chosen):
        done = []
        for email in (person.email, "nobody@example.com"):
            events = len(published.sent)
            for network in range(5):
                spelled = email.upper() if network % 2 else f" {email}"
                answer = ask(app, spelled, f"192.0.2.{network}")
                assert (answer.status, answer.text) == (204, "")
            done.append(len(published.sent) - events)
        assert done == [3, 3]
        events = len(published.sent)
        ask(app, other.email, "192.0.2.0")  # another address has its own budget
        assert len(published.sent) == events + 1


def test_registering_an_address_again_and_again_mails_its_owner_a_few_times(
    people: People, app: App, mailbox: Mailbox
) -> None:
    person = people.register()
    chosen = replace(resources.settings(), forwarded_hops=1)
    limiter = Limiter(OwnCounters(), {"public": 100, mail_budget.LIMIT: 3})
    with resources.override(limiter=limiter, settings=chosen):
        sent = len(mailbox.sent)
        for network in range(5):
            headers = {"x-forwarded-for": f"192.0.2.{network}"}
            body = {"email": person.email, "password": NEW}
            assert app.call("POST", "/auth/register", body, headers=headers).status == 201
        assert len(mailbox.sent) == sent + 3
        mailbox.ask_for_reset(person.email)  # a budget of its own
        assert len(mailbox.sent) == sent + 4
