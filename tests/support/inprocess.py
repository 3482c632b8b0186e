"""Run the product in this process: requests go through the real adapters without sockets."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from shared import resources
from shared.domain.permissions import Caller
from shared.runtime import operation
from shared.triggers import entrypoint
from shared.triggers.reply import Reply
from shared.triggers.request_parsing import Incoming
from shared.triggers.router import Router


@dataclass
class Answer:
    """A parsed reply."""

    status: int
    body: Any
    headers: Mapping[str, str]
    text: str

    @property
    def code(self) -> str | None:
        error = self.body.get("error") if isinstance(self.body, dict) else None
        return error["code"] if isinstance(error, dict) else None


@dataclass
class App:
    """Calls operations as `user` (a Caller's id and roles become a real token)."""

    router: Router = field(default_factory=lambda: Router(operation.catalog()))

    def token(self, user_id: str, *roles: str) -> str:
        now = resources.clock().now()
        issued = resources.tokens().issue(
            user_id,
            roles or ("user",),
            "service",
            session_id="ses_test",
            authenticated_at=now,
            factors=("pwd",),
            now=now,
        )
        return issued.token

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        user: str | Caller | None = None,
        roles: tuple[str, ...] = (),
        key: str | None = "auto",
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        """Send one request, to a path below /api/v1, or to one of the server's own that begins with //.

        POSTs carry a fresh Idempotency-Key unless `key` gives another (None: none)."""
        sent = {"content-type": "application/json"} | {k.lower(): v for k, v in (headers or {}).items()}
        if user is not None:
            sent["authorization"] = f"Bearer {self.token(str(user), *roles)}"
        if method == "POST" and key is not None:
            sent["idempotency-key"] = str(uuid.uuid4()) if key == "auto" else key
        route, _, query = path.partition("?")
        full = route[1:] if route.startswith("//") else f"/api/v1{route}"
        data = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
        incoming = Incoming(method, full, sent, parse_qs(query, keep_blank_values=True), data)
        found = self.router.find(method, full)
        assert found is not None, f"no operation serves {method} {full}"
        return _parsed(entrypoint.answer(found, incoming))

    def ok(self, status: int, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The body of an answer, which must have `status`."""
        answer = self.call(method, path, body, **more)
        assert answer.status == status, f"{method} {path}: {answer.status} {answer.text}"
        return answer.body

    def push(
        self,
        name: str,
        envelope: Mapping[str, Any],
        *,
        attributes: Mapping[str, str] | None = None,
        topic: str | None = None,
        message_id: str | None = None,
    ) -> Answer:
        """Deliver one message to an operation like Pub/Sub, by its subscription to `topic` (None: any)."""
        data = base64.b64encode(json.dumps(envelope).encode()).decode()
        given = {"ce-type": str(envelope.get("type"))} if attributes is None else dict(attributes)
        message = {"data": data, "attributes": given, "messageId": message_id or str(uuid.uuid4())}
        body = {"message": message} | ({"subscription": f"{name}.{topic}"} if topic else {})
        return self.push_raw(name, json.dumps(body).encode())

    def push_raw(self, name: str, body: bytes) -> Answer:
        token = resources.settings().push_token
        incoming = Incoming("POST", f"/push/{name}", {}, {"token": [token]}, body)
        return _parsed(entrypoint.answer(operation.catalog()[name], incoming))

    def schedule(self, name: str) -> Answer:
        token = resources.settings().push_token
        incoming = Incoming("POST", f"/schedule/{name}", {}, {"token": [token]}, b"")
        return _parsed(entrypoint.answer(operation.catalog()[name], incoming))


def _parsed(reply: Reply) -> Answer:
    body = json.loads(reply.body) if reply.body.startswith(("{", "[")) else None
    return Answer(reply.status, body, reply.headers, reply.body)


def command(kind: str, user: str, data: Mapping[str, Any], identity: str | None = None) -> dict[str, Any]:
    """The envelope of a command in the name of `user`."""
    return {
        "specversion": "1.0",
        "id": identity or str(uuid.uuid4()),
        "source": "tests",
        "type": kind,
        "subject": user,
        "time": "2026-01-01T00:00:00Z",
        "data": dict(data),
    }
