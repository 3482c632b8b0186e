"""The second factor: added, confirmed, proved, each code used once, required for export, removed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from shared import resources
from shared.store.session import Session
from shared.store.tables.sign_ins import FACTORS
from tests.support.authenticator import Authenticator
from tests.support.clock import TestClock
from tests.support.people import PASSWORD, People


@pytest.fixture
def clock(people: People) -> Iterator[TestClock]:
    moved = TestClock()
    with resources.override(clock=moved):
        yield moved


def test_export_needs_the_factor_once_it_is_confirmed(people: People, clock: TestClock) -> None:
    person = people.register()
    export = f"/wallets/{person.wallet()['id']}/export"
    body = {"format": "private_key"}
    phone = Authenticator(person, clock)
    person.ok(200, "POST", export, body)
    codes = phone.prove()
    assert codes is not None and len(set(codes)) == 10
    phone.sign_in(people)
    clock.advance(timedelta(minutes=5, seconds=1))
    refused = person.refused("STEP_UP_REQUIRED", "POST", export, body)
    assert (refused.status, refused.body["error"]["data"]["prove"]) == (403, "second_factor")
    assert phone.prove() is None
    person.ok(200, "POST", export, body)
    row = Session(resources.database().snapshot()).one(FACTORS.get(person.id))
    assert phone.secret not in row.sealed and not set(codes) & set(row.recovery)


def test_a_code_counts_once_and_wrong_ones_have_to_wait(people: People, clock: TestClock) -> None:
    person = people.register()
    phone = Authenticator(person, clock)
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
    phone.sign_in(people)


def test_a_recovery_code_stands_in_once(people: People, clock: TestClock) -> None:
    person = people.register()
    codes = Authenticator(person, clock).prove()
    assert codes is not None
    answer = person.ok(200, "POST", "/auth/totp/verify", {"code": codes[3].upper()})
    assert answer["recovery_codes"] is None
    person.refused("ONE_TIME_CODE_INVALID", "POST", "/auth/totp/verify", {"code": codes[3]})
    people.sign_in(person, otp=codes[4])
    body = {"email": person.email, "password": PASSWORD, "otp": codes[4]}
    assert person.app.call("POST", "/auth/login", body).code == "ONE_TIME_CODE_INVALID"


def test_is_added_once_and_removed_only_when_proved(people: People, clock: TestClock) -> None:
    person = people.register()
    assert person.refused("NO_SECOND_FACTOR", "POST", "/auth/totp/verify", {"code": "123456"}).status == 409
    Authenticator(person, clock)
    phone = Authenticator(person, clock)  # not confirmed yet: another may replace it
    phone.prove()
    assert person.refused("SECOND_FACTOR_EXISTS", "POST", "/auth/totp").status == 409
    clock.advance(timedelta(minutes=6))
    assert person.refused("STEP_UP_REQUIRED", "DELETE", "/auth/totp").status == 403
    phone.prove()
    assert person.ok(200, "GET", "/auth/me")["second_factors"] == ["totp"]
    person.ok(204, "DELETE", "/auth/totp")
    assert person.ok(200, "GET", "/auth/me")["second_factors"] == []
    assert person.refused("NO_SECOND_FACTOR", "DELETE", "/auth/totp").status == 409


def test_the_password_alone_does_not_sign_in(people: People, clock: TestClock) -> None:
    """A8: with the app enrolled, the password alone could sign in, create a key and send."""
    person = people.register()
    phone = Authenticator(person, clock)
    phone.prove()
    body = {"email": person.email, "password": PASSWORD}
    refused = person.app.call("POST", "/auth/login", body)
    assert (refused.status, refused.code) == (401, "SECOND_FACTOR_REQUIRED")
    assert refused.body["error"]["data"] == {"factors": ["totp"]}
    assert person.app.call("POST", "/auth/login", body | {"otp": "000000"}).code == "ONE_TIME_CODE_INVALID"
    code = phone.code()
    assert person.app.call("POST", "/auth/login", body | {"password": "wrong", "otp": code}).status == 401
    people.sign_in(person, otp=code)
    assert person.app.call("POST", "/auth/login", body | {"otp": code}).code == "ONE_TIME_CODE_INVALID"
    clock.advance(timedelta(minutes=6))
    key = {"name": "robot", "scopes": ["transaction:send"]}
    assert person.refused("STEP_UP_REQUIRED", "POST", "/auth/api-keys", key).status == 403
    phone.prove()
    person.ok(201, "POST", "/auth/api-keys", key)


def test_a_code_for_an_account_without_an_app_tells_nothing(people: People, clock: TestClock) -> None:
    people.sign_in(people.register(), otp="123456")


def test_five_wrong_codes_at_sign_in_have_to_wait(people: People, clock: TestClock) -> None:
    person = people.register()
    phone = Authenticator(person, clock)
    phone.prove()
    body = {"email": person.email, "password": PASSWORD}
    codes = [person.app.call("POST", "/auth/login", body | {"otp": "000000"}).code for _ in range(6)]
    assert codes == ["ONE_TIME_CODE_INVALID"] * 5 + ["TOO_MANY_ATTEMPTS"]
    assert person.app.call("POST", "/auth/login", body | {"otp": phone.code()}).status == 429


def test_a_code_that_is_not_text_is_refused(people: People, clock: TestClock) -> None:
    """A18: lone surrogates in a code answered 500."""
    person = people.register()
    Authenticator(person, clock).prove()
    for body in ({"code": "\ud800" * 6}, {"code": "１２３４５６"}):
        answer = person.call("POST", "/auth/totp/verify", body)
        assert (answer.status, answer.code) == (422, "VALIDATION_FAILED")


def test_who_knows_the_password_does_not_lock_the_owner_out(people: People, clock: TestClock) -> None:
    """The attack: five wrong codes, again and again, and the owner could neither sign in nor change the password."""
    with resources.override(settings=replace(resources.settings(), forwarded_hops=1)):
        person = people.register()
        phone = Authenticator(person, clock)
        at_home, away = ({"x-forwarded-for": one} for one in ("203.0.113.7", "198.51.100.9"))
        person.ok(200, "POST", "/auth/totp/verify", {"code": phone.code()}, headers=at_home)
        body = {"email": person.email, "password": PASSWORD}

        def sign_in(otp: str, headers: dict[str, str]) -> str | int:
            answer = person.app.call("POST", "/auth/login", body | {"otp": otp}, headers=headers)
            return answer.code or answer.status

        assert [sign_in("000000", away) for _ in range(5)] == ["ONE_TIME_CODE_INVALID"] * 5
        assert sign_in("000000", {"x-forwarded-for": "192.0.2.1"}) == "TOO_MANY_ATTEMPTS", (
            "all others together"
        )
        assert sign_in(phone.code(), at_home) == 200
        person.ok(200, "POST", "/auth/totp/verify", {"code": phone.code()}, headers=at_home)
        assert sign_in(phone.code(), away) == "TOO_MANY_ATTEMPTS", (
            "the owner's success gives a guesser nothing"
        )
        assert [sign_in("000000", at_home) for _ in range(6)][4:] == [
            "ONE_TIME_CODE_INVALID",
            "TOO_MANY_ATTEMPTS",
        ]
        clock.advance(timedelta(minutes=15))
        assert [sign_in("000000", at_home) for _ in range(2)] == [
            "ONE_TIME_CODE_INVALID",
            "TOO_MANY_ATTEMPTS",
        ]
        assert [sign_in("000000", away) for _ in range(2)] == ["ONE_TIME_CODE_INVALID", "TOO_MANY_ATTEMPTS"]
        clock.advance(timedelta(minutes=15))
        assert sign_in(phone.code(), away) == 200
