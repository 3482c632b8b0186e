"""An authenticator app for tests: it enrols over the API and computes its codes from a clock that the test moves."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from shared.identity import totp
from tests.support.clock import TestClock
from tests.support.people import People, Person


@dataclass
class OneTimeCodes:
    """An app's codes by the real clock. Each is of a later time step than the one before and of none that is over, so
    the product accepts it for half a minute or more."""

    secret: str  # base 32
    step: int = 0

    def next(self) -> str:
        self.step = max(self.step + 1, int(time.time()) // totp.STEP_SECONDS)
        return totp.code_at(base64.b32decode(self.secret), self.step)


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
