"""The mails after a registration: they are sent outside of the request, again if the server did not take them, and the
time of an answer tells nothing about an address."""

from __future__ import annotations

import pytest

from shared import resources
from tests.emulated.conftest import Recorder
from tests.emulated.identity.test_reset_request import NoServer, server
from tests.emulated.identity.test_sessions import NEW, Mailbox, mailbox
from tests.support.inprocess import App
from tests.support.people import PASSWORD, People

__all__ = ["mailbox", "server"]


@pytest.mark.parametrize("known", [False, True])
def test_a_registration_mails_nothing_itself_and_publishes_one_event_for_its_mail(
    people: People, app: App, published: Recorder, server: NoServer, known: bool
) -> None:
    """A server that answers slowly would hold the request, and a crash after the commit would lose the mail."""
    email = people.register().email if known else "fresh@example.com"
    before = len(published.sent)
    answer = app.call("POST", "/auth/register", {"email": email, "password": NEW})
    assert (answer.status, server.calls) == (201, 0)
    ((topic, envelope),) = published.sent[before:]
    mail = "registered_again" if known else "verification"
    assert (topic, envelope["data"]) == ("account-events", {"mail": mail})
    assert email not in str(envelope)


def test_a_welcome_that_was_not_taken_is_sent_again_until_the_address_is_confirmed(
    people: People, app: App, published: Recorder, server: NoServer
) -> None:
    person = people.register()
    envelope = published.sent[-1][1]
    assert app.push("on_mail_requested", envelope).status == 503
    box = Mailbox(app, published)
    with resources.override(mail=box):
        body = {"token": box.token(), "password": PASSWORD}
        assert app.ok(200, "POST", "/auth/email/verify", body)["email_verified"]
        sent = len(box.sent)
        assert app.push("on_mail_requested", envelope).status == 204
        assert len(box.sent) == sent
    assert box.sent[0][:2] == (person.email, "Confirm your address")


def test_the_owner_of_an_address_hears_that_somebody_registered_with_it_again(
    people: People, app: App, mailbox: Mailbox
) -> None:
    person = people.register()
    app.ok(201, "POST", "/auth/register", {"email": person.email, "password": NEW})
    assert [mail[:2] for mail in mailbox.sent] == [
        (person.email, "Confirm your address"),
        (person.email, "You have an account"),
    ]
