"""The replies of triggers, and the error reply of an exception. It uses no web framework."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.chain.errors import ChainError
from shared.domain.errors import Refusal
from shared.runtime.context import Context
from shared.runtime.errors import (
    ChainUnavailable,
    Contended,
    Internal,
    MethodNotAllowed,
    Unready,
    ValidationFailed,
)
from shared.runtime.operation import EVENT_STREAM
from shared.store.port import Contention, StoreError

if TYPE_CHECKING:
    from shared.triggers.streaming.subscription import Subscription

DOCUMENTATION = "/docs/errors.html"  # on the answering host; each code is an anchor
NAMED = 3  # wrong fields in the message; `details` lists all of them
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Reply:
    """The answer: `body` is JSON text (or empty), or `stream` is the subscription whose events follow."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    stream: Subscription | None = None

    @classmethod
    def of_stream(cls, stream: Subscription | None) -> Reply:
        """The answer of an event stream, or of HEAD on one (None), which begins none. `X-Accel-Buffering` makes nginx
        pass events on at once."""
        headers = {"Content-Type": f"{EVENT_STREAM}; charset=utf-8", "X-Accel-Buffering": "no"}
        return cls(200, headers=headers, stream=stream)


def failed(error: Exception, context: Context) -> Reply:
    """The error reply of any exception; only refusals reveal what happened."""
    refusal = as_refusal(error)
    context.telemetry.code = refusal.code
    if refusal.status >= 500:
        _log.error("failed", exc_info=error, extra={"code": refusal.code})
    return refused(refusal, context.request_id)


def refused(refusal: Refusal, request_id: str) -> Reply:
    """The error reply of a refusal."""
    body = json.dumps({"error": error_body(refusal, request_id)})
    headers = {"Content-Type": "application/json"}
    if refusal.retry_after is not None:
        headers["Retry-After"] = f"{refusal.retry_after:g}"
    if isinstance(refusal, MethodNotAllowed):
        headers["Allow"] = ", ".join(refusal.data["allowed"])
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Reply(refusal.status, body, headers)


def as_refusal(error: Exception) -> Refusal:
    """The refusal that a caller sees for an exception."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, Contention):
        return Contended()
    if isinstance(error, ChainError):
        return ChainUnavailable()
    return Unready() if isinstance(error, StoreError) else Internal()


def _message(refusal: Refusal) -> str:
    """One sentence that names the first wrong fields."""
    if refusal.text != ValidationFailed.message or not refusal.details:
        return refusal.text
    named = [
        one["message"] if one["field"] == "body" else f"{one['field']} {one['message']}"
        for one in refusal.details[:NAMED]
    ]
    return f"{refusal.text.rstrip('.')}: {'; '.join(named)}."


def error_body(refusal: Refusal, request_id: str) -> dict[str, Any]:
    """The contract's error object, as used in replies and `command.refused`."""
    return {
        "code": refusal.code,
        "message": _message(refusal),
        "details": refusal.details,
        "data": refusal.data,
        "request_id": request_id,
        "doc_url": f"{DOCUMENTATION}#{refusal.code}",
    }
