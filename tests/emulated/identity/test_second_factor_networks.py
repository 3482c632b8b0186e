"""Wrong codes of the second factor: whom they make wait, what the owner learns of them, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from shared import resources
from shared.store.session import Session
from shared.store.tables.system import AUDIT
from tests.emulated.conftest import Recorder
from tests.emulated.desk.round_trips import CountingDatabase
from tests.emulated.identity.test_passkeys import added
from tests.emulated.identity.test_sessions import NEW, Mailbox, mailbox
from tests.support.authenticator import Authenticator
from tests.support.clock import TestClock
from tests.support.people import PASSWORD, People, Person

HOME, AWAY, ON_THE_WAY = ({"x-forwarded-for": one} for one in ("203.0.113.7", "198.51.100.9", "192.0.2.1"))
WRONG = "ONE_TIME_CODE_INVALID"

__all__ = ["mailbox"]


@pytest.fixture
def clock(people: People) -> Iterator[TestClock]:
    moved = TestClock()
    with resources.override(clock=moved, settings=replace(resources.settings(), forwarded_hops=1)):
        yield moved


@dataclass
class Owner:
    """An account with an authenticator app that was proved at home."""

    person: Person
    phone: Authenticator

    @classmethod
    def at_home(cls, people: People, clock: TestClock) -> Owner:
        person = people.register()
        owner = cls(person, Authenticator(person, clock))
        owner.prove()
        return owner

    def prove(self, headers: dict[str, str] = HOME) -> None:
        body = {"code": self.phone.code()}
        answer = self.person.ok(200, "POST", "/auth/totp/verify", body, headers=headers)
        self.person.token = answer["token"]

    def sign_in(self, otp: str, headers: dict[str, str], password: str = PASSWORD) -> str | int:
        body = {"email": self.person.email, "password": password, "otp": otp}
        answer = self.person.app.call("POST", "/auth/login", body, headers=headers)
        return answer.code or answer.status

    def enter(self) -> None:
        """A new sign-in at home."""
        body = {"email": self.person.email, "password": PASSWORD, "otp": self.phone.code()}
        answer = self.person.app.ok(200, "POST", "/auth/login", body, headers=HOME)
        self.person.token = answer["token"]

    def trusted(self, clock: TestClock, password: str = PASSWORD) -> bool:
        """Whether wrong codes from elsewhere leave the owner's network alone."""
        answers = [self.sign_in("000000", AWAY, password) for _ in range(6)]
        assert answers[-1] == "TOO_MANY_ATTEMPTS"
        at_home = self.sign_in(self.phone.code(), HOME, password)
        clock.advance(timedelta(minutes=16))
        return at_home == 200


def new_app(owner: Owner, clock: TestClock, mailbox: Mailbox) -> str:
    owner.person.ok(204, "DELETE", "/auth/totp")
    clock.advance(timedelta(seconds=1))
    owner.phone = Authenticator(owner.person, clock)
    owner.prove(ON_THE_WAY)
    return PASSWORD


def new_app_beside_a_passkey(owner: Owner, clock: TestClock, mailbox: Mailbox) -> str:
    added(owner.person)
    return new_app(owner, clock, mailbox)


def change(owner: Owner, clock: TestClock, mailbox: Mailbox) -> str:
    owner.person.ok(200, "POST", "/auth/password", {"current": PASSWORD, "new": NEW})
    return NEW


def sign_out_everywhere(owner: Owner, clock: TestClock, mailbox: Mailbox) -> str:
    owner.person.ok(204, "DELETE", "/auth/sessions")
    return PASSWORD


@pytest.mark.parametrize(
    "ended", [new_app, new_app_beside_a_passkey, change, sign_out_everywhere], ids=lambda one: one.__name__
)
def test_a_network_is_at_home_no_longer_than_what_was_proved_there(
    people: People, clock: TestClock, mailbox: Mailbox, ended: Callable[[Owner, TestClock, Mailbox], str]
) -> None:
    """A thief who was once on a network of the owner kept codes of their own there for 30 days, whatever the owner
    did."""
    owner = Owner.at_home(people, clock)
    assert owner.trusted(clock)
    owner.enter()
    clock.advance(timedelta(seconds=1))
    password = ended(owner, clock, mailbox)
    assert not owner.trusted(clock, password)
    assert owner.sign_in(owner.phone.code(), HOME, password) == 200, (
        "it is proved there again, on the same day"
    )
    assert owner.trusted(clock, password)


def test_a_reset_by_mail_forgets_networks(people: People, clock: TestClock, mailbox: Mailbox) -> None:
    owner = Owner.at_home(people, clock)
    mailbox.ask_for_reset(owner.person.email)
    body = {"token": mailbox.token(), "password": NEW}
    owner.person.app.ok(
        200, "POST", "/auth/password/reset", body
    )  # proves the mailbox, which ends all factors
    clock.advance(timedelta(seconds=1))
    people.sign_in(owner.person, NEW)
    owner.phone = Authenticator(owner.person, clock)
    owner.prove()
    assert owner.trusted(clock, NEW)
    mailbox.ask_for_reset(owner.person.email)
    owner.person.app.ok(200, "POST", "/auth/password/reset", {"token": mailbox.token(), "password": PASSWORD})
    assert not owner.trusted(clock)


def test_an_account_that_was_disabled_forgets_networks(people: People, clock: TestClock) -> None:
    owner = Owner.at_home(people, clock)
    admin = people.app
    for disabled in (True, False):
        clock.advance(timedelta(seconds=1))
        admin.ok(
            200,
            "PUT",
            f"/admin/users/{owner.person.id}",
            {"disabled": disabled},
            user="root",
            roles=("admin",),
        )
    assert not owner.trusted(clock)


def notices_of(published: Recorder) -> list[dict[str, object]]:
    return [one for _, one in published.sent if one["type"] == "account.second_factor_refused"]


def test_the_owner_hears_of_wrong_codes(
    people: People, clock: TestClock, mailbox: Mailbox, published: Recorder
) -> None:
    """Whoever sends them knows the password, and nobody told the owner."""
    owner = Owner.at_home(people, clock)
    assert [owner.sign_in("000000", AWAY) for _ in range(2)] == [WRONG] * 2
    assert notices_of(published) == [], "everybody mistypes a code"
    assert [owner.sign_in("000000", AWAY) for _ in range(3)] == [WRONG] * 3
    (notice,) = notices_of(published)
    mailbox.sent.clear()  # the welcome
    assert people.app.push("on_account_event", notice).status == 204
    ((to, subject, text),) = mailbox.sent
    assert (to, subject) == (owner.person.email, "Wrong codes of the second factor were sent.")
    assert "Wrong codes in a row: 3." in text and "198.51.100.9" in text and "/console#/reset" in text
    feed = [one["type"] for one in owner.person.ok(200, "GET", "/events")["items"]]
    assert feed.count("account.second_factor_refused") == 1


def test_the_owner_hears_of_them_at_most_once_in_six_hours(
    people: People, clock: TestClock, published: Recorder
) -> None:
    owner = Owner.at_home(people, clock)
    for _ in range(24):  # quarters of an hour
        for _ in range(6):
            owner.sign_in("000000", AWAY)
        for _ in range(4):
            owner.sign_in("000000", HOME)
        clock.advance(timedelta(minutes=15))
    assert len(notices_of(published)) == 1
    assert owner.sign_in("000000", AWAY) == WRONG
    assert len(notices_of(published)) == 2


def test_each_wrong_code_is_audited(people: People, clock: TestClock) -> None:
    owner = Owner.at_home(people, clock)
    for headers in (AWAY, AWAY, HOME):
        owner.sign_in("000000", headers)
    owner.person.refused(WRONG, "POST", "/auth/totp/verify", {"code": "000000"}, headers=HOME)
    rows = [
        (one.action, one.network, one.details)
        for one in Session(resources.database().snapshot()).many(AUDIT.scan(limit=10_000))
        if one.resource == owner.person.id and "wrong_codes" in (one.details or {})
    ]
    assert sorted((action, network, details["wrong_codes"]) for action, network, details in rows) == [
        ("login_user", "198.51.100.9", 1),
        ("login_user", "198.51.100.9", 2),
        ("login_user", "203.0.113.7", 1),
        ("verify_totp", "203.0.113.7", 2),
    ]


def test_a_code_costs_no_read_of_its_own(people: People, clock: TestClock) -> None:
    owner = Owner.at_home(people, clock)
    counting = CountingDatabase(resources.database())
    with resources.override(database=counting):
        assert owner.sign_in(owner.phone.code(), HOME) == 200
        signed_in = [trip for trip in counting.trips if "in transaction" in trip]
        counting.trips.clear()
        owner.prove()
        proved = [trip for trip in counting.trips if "in transaction" in trip]
    assert (len(signed_in), len(proved)) == (1, 1)
