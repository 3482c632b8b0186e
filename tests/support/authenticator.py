"""An authenticator app for tests: it enrols over the API and computes its codes from a clock that the test moves."""

from __future__ import annotations

import base64
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from shared.identity import totp
from tests.support.clock import TestClock
from tests.support.people import People, Person


class Authenticator:
    """The person's app. Each code belongs to a later time step, so that no code is used twice."""

    def __init__(self, person: Person, clock: TestClock) -> None:
        self.person, self.clock = person, clock
        uri = person.ok(201, "POST", "/auth/totp")["uri"]
        text = parse_qs(urlsplit(uri).query)["secret"][0]
        self.secret = base64.b32decode(text + "=" * (-len(text) % 8))

    def code(self) -> str:
        self.clock.advance(timedelta(seconds=totp.STEP_SECONDS))
        return totp.code_at(self.secret, int(self.clock.now().timestamp()) // totp.STEP_SECONDS)

    def prove(self, code: str | None = None) -> list[str] | None:
        """Confirm the app, or step up; returns the recovery codes of the first confirmation."""
        answer = self.person.ok(200, "POST", "/auth/totp/verify", {"code": code or self.code()})
        self.person.token = answer["token"]
        codes: list[str] | None = answer["recovery_codes"]
        return codes

    def sign_in(self, people: People) -> None:
        people.sign_in(self.person, otp=self.code())
