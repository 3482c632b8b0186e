"""The responses of an operation in OpenAPI: its success, and each error status with its possible codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from shared.domain.errors import Refusal
from shared.runtime.operation import PUBLIC, WEBSOCKET, HttpTrigger

DOCS: Final = "/docs"
DESCRIPTIONS: Final = {
    400: "The request is malformed: its JSON, its cursor or its idempotency key.",
    401: "Not signed in, or the credential is wrong, expired or revoked.",
    403: "The caller is signed in but not allowed to do this, or must first prove more.",
    404: "The resource does not exist or belongs to another user.",
    409: "The current state does not allow this; `data` says why.",
    412: "The resource does not have the version in `If-Match`.",
    413: "The body is larger than this route accepts, 256 KiB at most.",
    415: "The body is not `application/json`.",
    422: "A field is invalid (`details` names it), or a rule refuses the request.",
    426: "This path serves WebSocket only, and the request is no WebSocket handshake.",
    429: "Too many requests; try again after `Retry-After` seconds.",
    500: "Internal error; `request_id` finds it in the logs.",
    503: "A dependency does not answer. Nothing was lost; try again after `Retry-After` seconds.",
}


def _header(text: str, kind: str = "string") -> dict[str, Any]:
    return {"description": text, "schema": {"type": kind}}


HEADERS: Final[dict[str, Any]] = {
    "X-Request-Id": _header("The id of this request in logs and errors: the caller's own, or a new one."),
    "Location": _header("The path of the created resource."),
    "ETag": _header("The version of the resource in quotes, for `If-Match` and `Min-Version`."),
    "Idempotent-Replayed": _header(
        "`true` if this is the stored answer of an earlier request with the same key."
    ),
    "Retry-After": _header("Seconds to wait before trying again.", "number"),
    "X-RateLimit-Limit": _header("Requests allowed in the current window.", "integer"),
    "X-RateLimit-Remaining": _header("Requests left in the current window.", "integer"),
    "X-RateLimit-Reset": _header("Seconds until the window ends.", "integer"),
    "WWW-Authenticate": _header("The accepted ways to authenticate."),
}
_LIMITS: Final = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


def of(trigger: HttpTrigger, group: str, ref: str) -> dict[str, Any]:
    """All responses of one route, by status."""
    empty: dict[str, Any] = {"description": "Done.", "headers": _headers("X-Request-Id", *_LIMITS)}
    success = dict(empty)
    if trigger.answer is not None:
        schema = {"$ref": ref.format(model=trigger.answer.__name__)}
        success["content"] = {"application/json": {"schema": schema}}
        more = ("ETag", "Idempotent-Replayed") if trigger.idempotency != "none" else ("ETag",)
        success["headers"] = success["headers"] | _headers(*more)
        if trigger.location:
            success["headers"] |= _headers("Location")
    elif trigger.media not in ("application/json", WEBSOCKET):
        success["content"] = {trigger.media: {"schema": {"type": "string"}}}
    statuses = {
        str(status): empty if status == 204 else success for status in (*trigger.also, trigger.status)
    }
    errors = {str(s): {"$ref": f"#/components/responses/{_name(s)}"} for s in _errors(trigger, group)}
    return statuses | errors


def _errors(trigger: HttpTrigger, group: str) -> Iterator[int]:
    """The error statuses that a route can return, according to its declaration."""
    # The only public operations that change something are sign-ins and the console's session.
    identified = trigger.permission != PUBLIC or group == "auth" or trigger.method != "GET"
    yield 422  # an unknown field or parameter
    if trigger.request is not None or trigger.method != "GET":
        yield 400
    if trigger.method != "GET":
        yield from (409, 413, 415)
    if identified:
        yield from (401, 403)
    if trigger.request is not None or trigger.pattern.groupindex:
        yield 404
    if trigger.method in ("PUT", "DELETE") or (trigger.method == "POST" and trigger.pattern.groupindex):
        yield 412
    if trigger.media == WEBSOCKET:
        yield 426
    yield from (429, 500, 503)


def components(refusals: Iterable[type[Refusal]]) -> dict[str, Any]:
    """One response per status, with its known codes."""
    codes = _codes(refusals)
    return {
        _name(status): {
            "description": f"{text} Codes: {', '.join(f'`{code}`' for code in codes.get(status, ()))}.",
            "x-codes": codes.get(status, {}),
            "headers": _headers(*_error_headers(status)),
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for status, text in DESCRIPTIONS.items()
    }


def error_schemas(refusals: Iterable[type[Refusal]]) -> dict[str, Any]:
    """The common schema of errors."""
    text = {"type": "string"}
    detail = {
        "type": "object",
        "properties": {"field": text, "message": text},
        "required": ["field", "message"],
    }
    inner = {
        "code": {"type": "string", "enum": sorted({kind.code for kind in refusals})},
        "message": text,
        "details": {"type": "array", "items": detail},
        "data": {"type": "object"},
        "request_id": text,
        "doc_url": text | {"description": "Link to the explanation of the code."},
    }
    error = {"type": "object", "properties": inner, "required": sorted(inner), "additionalProperties": False}
    shape = {"type": "object", "properties": {"error": error}, "required": ["error"]}
    return {"Error": shape | {"description": "What every error looks like.", "additionalProperties": False}}


def _codes(refusals: Iterable[type[Refusal]]) -> dict[int, dict[str, str]]:
    """The codes of each status, with their messages."""
    found: dict[int, dict[str, str]] = {}
    for kind in refusals:
        found.setdefault(kind.status, {}).setdefault(kind.code, kind.message)
    return {status: dict(sorted(codes.items())) for status, codes in found.items()}


def _error_headers(status: int) -> tuple[str, ...]:
    more = {401: ("WWW-Authenticate",), 429: ("Retry-After", *_LIMITS), 503: ("Retry-After",)}
    return ("X-Request-Id", *more.get(status, ()))


def _name(status: int) -> str:
    return f"Error{status}"


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
