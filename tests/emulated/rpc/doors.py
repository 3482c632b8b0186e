"""Call one operation through both interfaces: the same data as an HTTP request and as a gRPC message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from google.protobuf.any_pb2 import Any as Packed
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status

from shared.triggers.reply import Reply
from shared.triggers.rpc import status
from shared.triggers.rpc.methods import Bound, Methods, metadata_of
from tests.support.inprocess import Answer, App


@dataclass
class Doors:
    """Calls operations by name."""

    app: App
    methods: Methods
    called: set[str] = field(default_factory=set)

    def bound(self, operation: str) -> Bound:
        return next(one for _, one in self.methods if one.operation.name == operation)

    def http(self, operation: str, data: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        trigger = self.bound(operation).operation.https[0]
        names = trigger.pattern.groupindex
        path = "/" + trigger.path.format_map({name: data[name] for name in names})
        rest = {name: value for name, value in data.items() if name not in names}
        if trigger.method == "GET":
            query = {name: str(value).lower() if value is True else value for name, value in rest.items()}
            return self.app.call("GET", f"{path}?{urlencode(query)}", headers=headers, key=None)
        return self.app.call(trigger.method, path, rest or None, headers=headers, key=None)

    def grpc(self, operation: str, data: Mapping[str, Any], headers: Mapping[str, str]) -> Reply:
        """Send a message to its operation; returns the reply."""
        bound = self.bound(operation)
        message = bound.request()
        self.methods.transcoder.fill(message, data)
        self.called.add(operation)
        return self.methods.run(bound, message.SerializeToString(), list(headers.items()))

    def message(self, operation: str, reply: Reply) -> dict[str, Any]:
        """The data that a client reads from the returned message."""
        bound = self.bound(operation)
        assert reply.status < 400, reply.body
        return self.methods.transcoder.data(bound.answer.FromString(self.methods.answer(bound, reply)))

    def same(
        self, operation: str, data: Mapping[str, Any], headers: Mapping[str, str], *, equal: bool = True
    ) -> Any:
        """Call both interfaces, whose answers must be equal. `equal=False`: only the same form, for values that are new
        each time. Returns the message's data, or the code."""
        reply = self.grpc(operation, data, headers)
        answer = self.http(operation, data, headers)
        if reply.status >= 400:
            assert refusal(status.of(reply)) == plain(answer.body["error"]), operation
            assert reply.status == answer.status
            return answer.code
        assert answer.status == reply.status, (operation, answer.text)
        found = self.message(operation, reply)
        given = without_nulls(answer.body or {})
        one = next(iter(found.values()), None)
        flat = one if self.bound(operation).answer.DESCRIPTOR.oneofs_by_name.get("is") else found
        flat = without_nulls(flat)
        assert form(flat) == form(given) if not equal else flat == given, operation
        etag = dict(metadata_of(reply)).get("etag")
        assert not equal or etag == answer.headers.get("ETag"), operation
        return flat


def without_nulls(value: Any) -> Any:
    """Remove nulls: gRPC does not distinguish absent and null, except in free-form values."""
    if isinstance(value, dict):
        return {name: without_nulls(one) for name, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def form(value: Any) -> Any:
    """The names and types in an answer."""
    if isinstance(value, dict):
        return {name: form(one) for name, one in value.items()}
    return [form(one) for one in value[:1]] if isinstance(value, list) else type(value).__name__


def plain(error: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of an error that do not name this one request."""
    data = {name: status.text(value) for name, value in error["data"].items()}
    details = [(one["field"], one["message"]) for one in error["details"]]
    return {"code": error["code"], "message": error["message"], "data": data, "details": details}


def refusal(made: Status) -> dict[str, Any]:
    """The same parts, as a client reads them from a status."""
    info = unpacked(made, error_details_pb2.ErrorInfo)
    bad = unpacked(made, error_details_pb2.BadRequest)
    details = [(one.field, one.description) for one in bad.field_violations] if bad else []
    return {"code": info.reason, "message": made.message, "data": dict(info.metadata), "details": details}


def unpacked(made: Status, kind: Any) -> Any:
    """The detail of this kind, or None."""
    for packed in made.details:
        assert isinstance(packed, Packed)
        found = kind()
        if packed.Unpack(found):
            return found
    return None
