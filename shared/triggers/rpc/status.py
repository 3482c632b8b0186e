"""Error replies as `google.rpc.Status`: the same code, fields, data and request id, in gRPC's standard details.

The details are an ErrorInfo (reason: our code, domain: wallet.v1, metadata: the error's `data`, each value as text or
JSON), a RequestInfo (the request id), a Help (the documentation of the code), a BadRequest (the wrong fields) and a
RetryInfo (the value of Retry-After).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from schemas.contract.protobuf import PACKAGE
from shared.triggers.reply import Reply

if TYPE_CHECKING:
    from google.rpc.status_pb2 import Status

MAX_DATA: Final = 2_000  # characters of data
# google.rpc.Code by HTTP status, for all statuses that the product uses.
CODES: Final[Mapping[int, str]] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    409: "FAILED_PRECONDITION",
    412: "ABORTED",
    413: "RESOURCE_EXHAUSTED",
    415: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    426: "UNIMPLEMENTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


def of(reply: Reply) -> Status:
    """The status of an error reply."""
    from google.protobuf.any_pb2 import Any as Packed
    from google.rpc import code_pb2, error_details_pb2
    from google.rpc.status_pb2 import Status

    error = json.loads(reply.body)["error"]
    made = Status(
        code=code_pb2.Code.Value(CODES.get(reply.status, "UNKNOWN")),
        message=error["message"],
    )
    data = _bounded(error["data"])
    details: list[Any] = [
        error_details_pb2.ErrorInfo(reason=error["code"], domain=PACKAGE, metadata=data),
        error_details_pb2.RequestInfo(request_id=error["request_id"]),
    ]
    if "doc_url" in error:
        link = error_details_pb2.Help.Link(description="What the code means", url=error["doc_url"])
        details.append(error_details_pb2.Help(links=[link]))
    if error["details"]:
        bad = error_details_pb2.BadRequest()
        for detail in error["details"]:
            bad.field_violations.add(field=detail["field"], description=detail["message"])
        details.append(bad)
    if "Retry-After" in reply.headers:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(round(1000 * float(reply.headers["Retry-After"])))
        details.append(retry)
    for detail in details:
        packed = Packed()
        packed.Pack(detail)
        made.details.append(packed)
    return made


def _bounded(data: Mapping[str, Any]) -> dict[str, str]:
    """The part of the data that fits: all details together are sent in one header."""
    found, room = {}, MAX_DATA
    for name, value in data.items():
        said = text(value)
        if len(said) <= room:
            found[name], room = said, room - len(said)
    return found


def text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
