"""Run each gRPC method as an HTTP request of its operation: the same pipeline answers both, so both behave the same.

Metadata are the headers (`authorization`, `x-api-key`, `idempotency-key`, `if-match`, `min-version`, `cache-control`,
`x-request-id`, `traceparent`). The deadline of the call limits that of the request.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from schemas.contract import descriptors
from schemas.contract.protobuf import EMPTY, PACKAGE, Interface, Method
from shared.domain.errors import Refusal
from shared.runtime.errors import MalformedRequest, ValidationFailed
from shared.runtime.operation import Operation
from shared.triggers import entrypoint, http
from shared.triggers.reply import Reply
from shared.triggers.request_parsing import Incoming
from shared.triggers.rpc.messages import Transcoder

# The reply's headers that are sent as metadata, in addition to the HTTP status.
SHOWN: Final = ("x-request-id", "etag", "idempotent-replayed", "location", "retry-after", "x-ratelimit-")
STATUS: Final = "x-http-status"
_NOT_HEADERS: Final = ("grpc-", ":", "content-", "te")


@dataclass(frozen=True, slots=True)
class Bound:
    """A method, the operation that it runs, and the classes of its messages."""

    method: Method
    operation: Operation
    request: type[Any]
    answer: type[Any]


class Methods:
    """The methods of the given operations, by gRPC path."""

    def __init__(self, interface: Interface, operations: Mapping[str, Operation]) -> None:
        from google.protobuf import message_factory

        self.pool = descriptors.pool(interface)
        self.transcoder = Transcoder(interface)
        self._bound: dict[str, Bound] = {}
        self.services: set[str] = set()

        def kind(name: str) -> type[Any]:
            full = name if name == EMPTY else f"{PACKAGE}.{name}"
            found: type[Any] = message_factory.GetMessageClass(self.pool.FindMessageTypeByName(full))
            return found

        for group, methods in interface.services.items():
            for method in methods:
                operation = operations.get(method.operation)
                if operation is not None:
                    path = descriptors.full_name(group, method)
                    self._bound[path] = Bound(method, operation, kind(method.request), kind(method.answer))
                    self.services.add(path.split("/")[1])

    def find(self, path: str) -> Bound | None:
        return self._bound.get(path)

    def __iter__(self) -> Iterator[tuple[str, Bound]]:
        return iter(self._bound.items())

    def run(
        self,
        bound: Bound,
        message: bytes,
        metadata: Iterable[tuple[str, str | bytes]],
        seconds: float | None = None,
    ) -> Reply:
        """The operation's reply to a message; `seconds` is the time that the caller waits. Never raises."""
        try:
            request = self.incoming(bound, message, metadata, seconds)
        except Refusal as refusal:
            trigger = bound.operation.https[0]
            unread = Incoming(trigger.method, trigger.path, headers(metadata), {}, b"")
            return http.refuse(bound.operation, unread, refusal)
        return entrypoint.answer(bound.operation, request)

    def incoming(
        self,
        bound: Bound,
        message: bytes,
        metadata: Iterable[tuple[str, str | bytes]],
        seconds: float | None = None,
    ) -> Incoming:
        """The HTTP request of a message. Raises MalformedRequest for invalid bytes, ValidationFailed for fields
        without a place."""
        from google.protobuf.message import DecodeError

        try:
            parsed = bound.request.FromString(message)
        except (DecodeError, RecursionError):
            raise MalformedRequest("The message cannot be read.") from None
        return _request(bound.operation, self.transcoder.data(parsed), headers(metadata), seconds)

    def answer(self, bound: Bound, reply: Reply) -> bytes:
        """The message of a successful reply."""
        return self.message(bound, json.loads(reply.body) if reply.body else {})

    def message(self, bound: Bound, data: Mapping[str, Any]) -> bytes:
        made = bound.answer()
        if data:
            self.transcoder.fill(made, data)
        text: bytes = made.SerializeToString()
        return text


def headers(metadata: Iterable[tuple[str, str | bytes]]) -> dict[str, str]:
    """Metadata as headers; entries with the same name are joined, as in HTTP."""
    found: dict[str, str] = {"content-type": "application/json"}
    for name, value in metadata:
        if isinstance(value, str) and not name.startswith(_NOT_HEADERS):
            found[name] = f"{found[name]},{value}" if name in found else value
    return found


def metadata_of(reply: Reply) -> tuple[tuple[str, str], ...]:
    """The metadata of a reply: its headers and status."""
    shown = (
        (name.lower(), value)
        for name, value in reply.headers.items()
        if name.lower().startswith(SHOWN) and value.isascii() and value.isprintable()
    )
    return ((STATUS, str(reply.status)), *shown)


def _request(
    operation: Operation, data: Mapping[str, Any], sent: dict[str, str], seconds: float | None
) -> Incoming:
    """The HTTP request of a method's fields. Raises ValidationFailed if a part of the path is missing."""
    trigger = operation.https[0]
    names = list(trigger.pattern.groupindex)
    missing = [name for name in names if not isinstance(data.get(name), str) or not data[name]]
    if missing:
        raise ValidationFailed(details=[{"field": name, "message": "is required"} for name in missing])
    path = trigger.path.format_map({name: data[name] for name in names})
    rest = {name: value for name, value in data.items() if name not in names}
    if trigger.method == "GET":
        query = {name: [_query(value)] for name, value in rest.items()}
        return Incoming("GET", path, sent, query, b"", seconds)
    body = json.dumps(rest).encode() if rest else b""
    return Incoming(trigger.method, path, sent, {}, body, seconds)


def _query(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
