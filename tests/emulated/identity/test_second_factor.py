"""The second factor: added, confirmed, proved, counted once, needed for export, removed."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from shared import resources
from shared.identity import totp
from shared.store.session import Session
from shared.store.tables.sign_ins import FACTORS
from tests.support.clock import TestClock
from tests.support.people import People, Person


@pytest.fixture
def clock(people: People) -> Iterator[TestClock]:
    moved = TestClock()
    with resources.override(clock=moved):
        yield moved


class App:
    """An authenticator app."""

    def __init__(self, person: Person, clock: TestClock) -> None:
        self.person, self.clock = person, clock
        uri = person.ok(201, "POST", "/auth/totp")["uri"]
        text = parse_qs(urlsplit(uri).query)["secret"][0]
        self.secret = base64.b32decode(text + "=" * (-len(text) % 8))

    def code(self) -> str:
        self.clock.advance(timedelta(seconds=totp.STEP_SECONDS))
        return totp.code_at(self.secret, int(self.clock.now().timestamp()) // totp.STEP_SECONDS)

    def prove(self, code: str | None = None) -> list[str] | None:
        answer = self.person.ok(200, "POST", "/auth/totp/verify", {"code": code or self.code()})
        self.person.token = answer["token"]
        codes: list[str] | None = answer["recovery_codes"]
        return codes


def test_export_needs_the_factor_once_it_is_confirmed(people: People, clock: TestClock) -> None:
    person = people.register()
    export = f"/wallets/{person.wallet()['id']}/export"
    body = {"format": "private_key"}
    phone = App(person, clock)
    person.ok(200, "POST", export, body)
    codes = phone.prove()
    assert codes is not None and len(set(codes)) == 10
    people.sign_in(person)
    assert person.refused("SECOND_FACTOR_REQUIRED", "POST", export, body).status == 403
    assert phone.prove() is None
    person.ok(200, "POST", export, body)
    row = Session(resources.database().snapshot()).one(FACTORS.get(person.id))
    assert phone.secret not in row.sealed and not set(codes) & set(row.recovery)


def test_a_code_counts_once_and_wrong_ones_have_to_wait(people: People, clock: TestClock) -> None:
    person = people.register()
    phone = App(person, clock)
    code = phone.code()
    phone.prove(code)
    wrong = {"code": "000000"}
    assert person.refused("ONE_TIME_CODE_INVALID", "POST", "/auth/totp/verify", {"code": code}).status == 401
    for _ in range(4):
        person.refused("ONE_TIME_CODE_INVALID", "POST", "/auth/totp/verify", wrong)
    assert person.refused("TOO_MANY_ATTEMPTS", "POST", "/auth/totp/verify", wrong).status == 429
    clock.advance(timedelta(minutes=14))
    person.refused("TOO_MANY_ATTEMPTS", "POST", "/auth/totp/verify", {"code": phone.code()})
    clock.advance(timedelta(minutes=1))
    people.sign_in(person)
    phone.prove()


def test_a_recovery_code_stands_in_once(people: People, clock: TestClock) -> None:
    person = people.register()
    codes = App(person, clock).prove()
    assert codes is not None
    people.sign_in(person)
    answer = person.ok(200, "POST", "/auth/totp/verify", {"code": codes[3].upper()})
    assert answer["recovery_codes"] is None
    person.refused("ONE_TIME_CODE_INVALID", "POST", "/auth/totp/verify", {"code": codes[3]})


def test_is_added_once_and_removed_only_when_proved(people: People, clock: TestClock) -> None:
    person = people.register()
    assert person.refused("NO_SECOND_FACTOR", "POST", "/auth/totp/verify", {"code": "123456"}).status == 409
    App(person, clock)
    phone = App(person, clock)  # not confirmed yet: another may take its place
    phone.prove()
    assert person.refused("SECOND_FACTOR_EXISTS", "POST", "/auth/totp").status == 409
    people.sign_in(person)
    assert person.refused("SECOND_FACTOR_REQUIRED", "DELETE", "/auth/totp").status == 403
    phone.prove()
    person.ok(204, "DELETE", "/auth/totp")
    assert person.refused("NO_SECOND_FACTOR", "DELETE", "/auth/totp").status == 409
