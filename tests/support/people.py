"""People who register and sign in over the API, and who remember every secret they receive."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.support.inprocess import Answer, App

PASSWORD = "correct horse battery staple"


@dataclass
class Person:
    """One account with its tokens."""

    app: App
    id: str
    email: str
    token: str
    refresh_token: str
    secrets: list[str] = field(default_factory=list)

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        headers = {"authorization": f"Bearer {self.token}"} | more.pop("headers", {})
        return self.app.call(method, path, body, headers=headers, **more)

    def ok(self, status: int, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = self.call(method, path, body, **more)
        assert answer.status == status, f"{method} {path}: {answer.status} {answer.text}"
        return answer.body

    def refused(self, code: str, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        answer = self.call(method, path, body, **more)
        assert answer.code == code, f"{method} {path}: {answer.status} {answer.text}"
        return answer

    def wallet(self, **more: Any) -> dict[str, Any]:
        """Create a new HD wallet."""
        answer = self.ok(201, "POST", "/wallets", {"name": "mine"} | more)
        self.secrets.append(answer["mnemonic"])
        found: dict[str, Any] = answer["wallet"]
        return found

    def imported(self, key: bytes, **more: Any) -> dict[str, Any]:
        """Import a wallet with this private key."""
        body = {"name": "imported", "private_key": "0x" + key.hex()} | more
        self.secrets.append(key.hex())
        found: dict[str, Any] = self.ok(201, "POST", "/wallets/import", body)["wallet"]
        return found


@dataclass
class People:
    """Registers and signs in."""

    app: App
    count: int = 0

    def register(self, password: str = PASSWORD) -> Person:
        self.count += 1
        email = f"person-{self.count}@example.com"
        made = self.app.ok(201, "POST", "/auth/register", {"email": email, "password": password})
        person = Person(self.app, made["id"], email, "", "")
        self.sign_in(person, password)
        return person

    def sign_in(self, person: Person, password: str = PASSWORD, **more: Any) -> None:
        body = {"email": person.email, "password": password} | more
        answer = self.app.ok(200, "POST", "/auth/login", body)
        person.token, person.refresh_token = answer["token"], answer["refresh_token"]
        person.secrets += [password, person.token, person.refresh_token]
