"""A small API client for the demo, the end-to-end tests and the load tools. It never retries and hides no errors."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

T = TypeVar("T")


class UnexpectedAnswer(Exception):
    """The API answered with a status other than the expected one."""


class NeverHappened(Exception):
    """A condition was not met in time."""


@dataclass
class Api:
    """One caller; `token` is sent if it is set."""

    url: str
    token: str | None = None
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60.0))

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send one request; a POST carries an Idempotency-Key (`key`, or a new one)."""
        sent = dict(headers or {})
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if method == "POST":
            sent["Idempotency-Key"] = key or str(uuid.uuid4())
        return self.http.request(method, f"{self.url}/api/v1{path}", json=body, headers=sent)

    def expect(self, status: int, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Send a request and return the JSON answer. Raises UnexpectedAnswer for another status."""
        answer = self.call(method, path, body, **more)
        if answer.status_code != status:
            raise UnexpectedAnswer(
                f"{method} {path}: wanted {status}, got {answer.status_code}: {answer.text}"
            )
        return answer.json() if answer.content else None

    def get(self, path: str) -> Any:
        """GET with a strong read, and return the JSON answer."""
        return self.expect(200, "GET", path, headers={"Cache-Control": "no-cache"})

    def sign_up(self, email: str, password: str) -> dict[str, Any]:
        """Register, sign in, and return the user."""
        user: dict[str, Any] = self.expect(
            201, "POST", "/auth/register", {"email": email, "password": password}
        )
        self.sign_in(email, password)
        return user

    def sign_in(self, email: str, password: str) -> None:
        answer = self.expect(200, "POST", "/auth/login", {"email": email, "password": password})
        self.token = answer["token"]


def wait_for(what: str, probe: Callable[[], T | None], seconds: float = 60.0, pause: float = 0.1) -> T:
    """Call `probe` until it returns a true value. Raises NeverHappened, which names `what`, after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            raise NeverHappened(f"{what}: not within {seconds:g} s")
        time.sleep(pause)


def wait_until_active(api: Api, supply_id: str) -> None:
    """Wait for the check of a supply's balance on chain. Raises UnexpectedAnswer if it is rejected, NeverHappened."""

    def checked() -> Any:
        supply = api.get(f"/supplies/{supply_id}")
        return None if supply["status"] == "pending" else supply

    found = wait_for(f"the on-chain check of {supply_id}", checked)
    if found["status"] != "active":
        raise UnexpectedAnswer(f"the supply became {found['status']}: {found['reason']}")
