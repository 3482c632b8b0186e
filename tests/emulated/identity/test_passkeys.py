"""Passkeys: added, required for sign-in and step-up, and all refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared import resources
from shared.auth.sign_in_attempts import Attempt
from shared.identity.lockout import TooManyAttempts
from shared.identity.passwords import Passwords
from tests.support.authenticator import Authenticator
from tests.support.clock import TestClock
from tests.support.inprocess import Answer
from tests.support.people import PASSWORD, People, Person
from tests.support.software_key import SoftwareKey, raw, text


@pytest.fixture
def clock(people: People) -> Iterator[TestClock]:
    moved = TestClock(resources.clock().now())
    with resources.override(clock=moved):
        yield moved


def added(person: Person, name: str = "my key") -> tuple[SoftwareKey, Any]:
    key = SoftwareKey()
    options = person.ok(200, "POST", "/auth/passkeys/options")["options"]
    body = {"name": name, "credential": key.create(options)}
    return key, person.ok(201, "POST", "/auth/passkeys", body)


def login(person: Person, **more: Any) -> Answer:
    return person.app.call("POST", "/auth/login", {"email": person.email, "password": PASSWORD} | more)


def step_up(person: Person, key: SoftwareKey) -> None:
    options = person.ok(200, "POST", "/auth/passkeys/challenge")["options"]
    answer = person.ok(200, "POST", "/auth/passkeys/verify", {"credential": key.get(options)})
    person.token = answer["token"]


def test_a_passkey_is_asked_for_at_sign_in_and_steps_up(people: People, clock: TestClock) -> None:
    person = people.register()
    key, answer = added(person)
    assert len(answer["recovery_codes"]) == 10 and answer["passkey"]["name"] == "my key"
    refused = login(person)
    assert (refused.status, refused.code) == (401, "SECOND_FACTOR_REQUIRED")
    data = refused.body["error"]["data"]
    assert data["factors"] == ["passkey"] and data["passkey"]["rpId"] == "localhost"
    signed = login(person, passkey=key.get(data["passkey"]))
    assert signed.status == 200, signed.text
    person.token = signed.body["token"]
    items = person.ok(200, "GET", "/auth/sessions")["items"]
    session = next(item for item in items if item["current"])
    assert session["factors"] == ["passkey", "pwd"]
    clock.advance(timedelta(minutes=6))
    body = {"name": "robot", "scopes": ["wallet:read"]}
    person.refused("STEP_UP_REQUIRED", "POST", "/auth/api-keys", body)
    step_up(person, key)
    person.ok(201, "POST", "/auth/api-keys", body)
    assert login(person, otp=answer["recovery_codes"][0]).status == 200
    assert login(person, otp=answer["recovery_codes"][0]).code == "ONE_TIME_CODE_INVALID"
    assert login(person, otp="123456").code == "ONE_TIME_CODE_INVALID"


def changed(credential: dict[str, Any], name: str, change: Callable[[bytes], bytes]) -> dict[str, Any]:
    response = credential["response"] | {name: text(change(raw(credential["response"][name])))}
    return credential | {"response": response}


def test_what_is_not_this_key_here_and_now_is_refused(people: People, clock: TestClock) -> None:
    person, other = people.register(), people.register()
    key, _ = added(person)
    theirs, _ = added(other)
    wrong: list[dict[str, Any]] = []

    def options() -> dict[str, Any]:
        found: dict[str, Any] = person.ok(200, "POST", "/auth/passkeys/challenge")["options"]
        return found

    wrong.append(key.get(options(), origin="https://evil.example"))
    wrong.append(key.get(options(), origin="http://localhost:8080.evil.example"))
    wrong.append(key.get(options(), site="evil.example"))
    wrong.append(theirs.get(options()))
    wrong.append(theirs.get(options()) | {"id": text(key.id), "rawId": text(key.id)})
    wrong.append(key.get(other.ok(200, "POST", "/auth/passkeys/challenge")["options"]))
    wrong.append(key.get({"challenge": text(bytes(32)), "rpId": "localhost"}))
    wrong.append(key.get(login(person).body["error"]["data"]["passkey"]))  # for a sign-in, not this session
    good = key.get(options())
    wrong.append(changed(good, "signature", lambda data: data[:-1] + bytes([data[-1] ^ 1])))
    wrong.append(
        changed(good, "authenticatorData", lambda data: data[:32] + b"\x00" + data[33:])
    )  # nobody there
    wrong.append(changed(good, "clientDataJSON", lambda data: data.replace(b".get", b".create")))
    wrong.append(changed(good, "clientDataJSON", lambda data: b"[" * 5000))
    wrong.append({"id": text(key.id)})
    wrong.append({"id": text(key.id), "response": {"clientDataJSON": "\u00e9"}})
    late = key.get(options())
    for credential in wrong:
        answer = person.call("POST", "/auth/passkeys/verify", {"credential": credential})
        assert (answer.status, answer.code) == (401, "PASSKEY_INVALID"), json.dumps(credential)
    clock.advance(timedelta(minutes=5))
    assert person.call("POST", "/auth/passkeys/verify", {"credential": late}).code == "PASSKEY_INVALID"
    big = {"credential": {"id": "x" * 20_000}}
    assert person.call("POST", "/auth/passkeys/verify", big).code == "VALIDATION_FAILED"


def test_an_answer_counts_once_and_in_the_session_that_asked(people: People, clock: TestClock) -> None:
    person = people.register()
    key, _ = added(person)
    options = person.ok(200, "POST", "/auth/passkeys/challenge")["options"]
    answer = key.get(options)
    first = person.token
    challenge = login(person).body["error"]["data"]["passkey"]
    in_one = key.get(challenge)
    second = login(person, passkey=in_one).body["token"]
    assert login(person, passkey=in_one).code == "PASSKEY_INVALID", "replayed"
    elsewhere = {"authorization": f"Bearer {second}"}
    body = {"credential": answer}
    assert person.app.call("POST", "/auth/passkeys/verify", body, headers=elsewhere).code == "PASSKEY_INVALID"
    key.count += 10
    again = person.ok(200, "POST", "/auth/passkeys/challenge")["options"]
    person.token = first
    person.ok(200, "POST", "/auth/passkeys/verify", {"credential": key.get(again)})
    assert person.call("POST", "/auth/passkeys/verify", body).code == "PASSKEY_INVALID", (
        "its counter went back"
    )
    clone = SoftwareKey(id=key.id, private=key.private, count=0)
    behind = person.ok(200, "POST", "/auth/passkeys/challenge")["options"]
    credential = {"credential": clone.get(behind)}
    assert person.call("POST", "/auth/passkeys/verify", credential).code == "PASSKEY_INVALID", "a clone"


def test_a_registration_is_for_this_site_session_and_once(people: People, clock: TestClock) -> None:
    person, other = people.register(), people.register()
    options = person.ok(200, "POST", "/auth/passkeys/options")["options"]
    path = "/auth/passkeys"
    evil = {"name": "x", "credential": SoftwareKey().create(options, origin="https://evil.example")}
    assert person.call("POST", path, evil).code == "VALIDATION_FAILED"
    mine = {"name": "x", "credential": SoftwareKey().create(options)}
    assert other.call("POST", path, mine).code == "PASSKEY_INVALID"
    person.ok(201, "POST", path, mine)
    assert person.call("POST", path, mine).code in ("PASSKEY_INVALID", "STEP_UP_REQUIRED")
    nonsense = {"name": "x", "credential": mine["credential"] | {"response": {"clientDataJSON": "e30"}}}
    assert other.call("POST", path, nonsense).code == "PASSKEY_INVALID"


def test_both_factors_stand_beside_each_other_and_go_one_by_one(people: People, clock: TestClock) -> None:
    person = people.register()
    phone = Authenticator(person, clock)
    codes = phone.prove()
    assert codes is not None
    key, answer = added(person)
    assert answer["recovery_codes"] is None
    assert login(person).body["error"]["data"]["factors"] == ["totp", "passkey"]
    clock.advance(timedelta(minutes=6))
    person.refused("STEP_UP_REQUIRED", "DELETE", "/auth/totp")
    step_up(person, key)
    person.ok(204, "DELETE", "/auth/totp")
    assert login(person).body["error"]["data"]["factors"] == ["passkey"]
    (listed,) = person.ok(200, "GET", "/auth/passkeys")["items"]
    assert listed["id"] == answer["passkey"]["id"] and listed["last_used_at"]
    other = people.register()
    added(other)
    assert other.call("DELETE", f"/auth/passkeys/{listed['id']}").code == "NOT_FOUND"
    person.ok(204, "DELETE", f"/auth/passkeys/{listed['id']}")
    assert login(person).status == 200
    told = [event["type"] for event in person.ok(200, "GET", "/events")["items"] if "factor" in event["type"]]
    assert told == ["account.second_factor_added"] * 2 + ["account.second_factor_removed"] * 2


def test_a_sign_in_confirms_no_app_that_was_only_added(people: People, clock: TestClock) -> None:
    """Otherwise anybody with the password and a moment of a session could add a factor, and its owner would never hear
    of it."""
    person = people.register()
    key, answer = added(person)
    step_up(person, key)
    phone = Authenticator(person, clock)
    assert login(person, otp=phone.code()).code == "ONE_TIME_CODE_INVALID"
    assert login(person, otp=answer["recovery_codes"][0]).status == 200
    assert person.ok(200, "POST", "/auth/totp/verify", {"code": answer["recovery_codes"][1]})["token"]
    told = [event["type"] for event in person.ok(200, "GET", "/events")["items"] if "factor" in event["type"]]
    assert told == ["account.second_factor_added"]  # the passkey: a recovery code confirms no app
    assert phone.prove() is None
    assert login(person, otp=phone.code()).status == 200
    told = [event["data"]["details"] for event in person.ok(200, "GET", "/events")["items"]][-1:]
    assert told == [{"factor": "totp"}]


def test_a_bad_passkey_tells_no_more_of_a_password_than_there_are_attempts(
    people: People, clock: TestClock
) -> None:
    """Simultaneous guesses all pass the first check of the count; the final check reads it again."""
    person = people.register()
    real, few = resources.passwords(), replace(resources.settings(), sign_in_attempts=2)

    class Beside(Passwords):
        """While this password is checked, as many others fail as the limit allows."""

        def verify(self, password: str, stored: str | None) -> bool:
            for _ in range(few.sign_in_attempts):
                with suppress(TooManyAttempts):
                    Attempt.on(person.email).failed()
            return real.verify(password, stored)

    with resources.override(settings=few, passwords=Beside(passes=1, memory_kib=64)):
        for password in (PASSWORD, "wrong"):
            body = {"email": person.email, "password": password, "passkey": {"id": "x"}}
            assert person.app.call("POST", "/auth/login", body).code == "TOO_MANY_ATTEMPTS"
            clock.advance(timedelta(hours=1))
    assert login(person, passkey={"id": "x"}).code == "PASSKEY_INVALID"
