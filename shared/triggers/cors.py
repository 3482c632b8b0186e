"""Allow pages of other origins to call, by the setting CORS_ORIGINS
(https://fetch.spec.whatwg.org/#http-cors-protocol).

The API uses no cookies, so it does not allow credentials: a page sends its token or key as a header.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared import resources
from shared.domain.errors import Refusal
from shared.triggers.reply import Reply
from shared.triggers.request_parsing import Incoming

MAX_AGE: Final = 3600  # seconds that a browser keeps the preflight's answer
SENT: Final = (
    "Authorization, Cache-Control, Content-Type, Idempotency-Key, If-Match, Last-Event-ID, Min-Version, "
    "X-API-Key, X-Request-Id, traceparent"
)
SHOWN: Final = (
    "ETag, Idempotent-Replayed, Location, Retry-After, WWW-Authenticate, X-RateLimit-Limit, "
    "X-RateLimit-Remaining, X-RateLimit-Reset, X-RateLimit-Window, X-Request-Id"
)


class OriginNotAllowed(Refusal):
    code, status = "ORIGIN_NOT_ALLOWED", 403
    message = "Pages of this origin may not call the API: it is not listed in CORS_ORIGINS."


def asks(incoming: Incoming) -> bool:
    """Whether this is a browser's preflight request."""
    return incoming.method == "OPTIONS" and "access-control-request-method" in incoming.headers


def answer(incoming: Incoming, methods: list[str]) -> Reply:
    """The answer to a preflight request. Raises OriginNotAllowed."""
    if not _allowed(incoming.headers.get("origin", "")):
        raise OriginNotAllowed
    said = {
        "Access-Control-Allow-Methods": ", ".join(methods),
        "Access-Control-Allow-Headers": SENT,
        "Access-Control-Max-Age": str(MAX_AGE),
    }
    return Reply(204, headers=said)


def allow(reply: Reply, headers: Mapping[str, str]) -> None:
    """Let the calling page read the reply, if its origin is allowed."""
    origin = headers.get("origin", "")
    if resources.settings().cors_origins:
        reply.headers["Vary"] = "Origin"
    if _allowed(origin):
        reply.headers["Access-Control-Allow-Origin"] = origin
        reply.headers["Access-Control-Expose-Headers"] = SHOWN


def require(headers: Mapping[str, str]) -> None:
    """Raises OriginNotAllowed for a page of another origin: browsers send no preflight before they open a WebSocket."""
    origin = headers.get("origin")
    if origin is None or _allowed(origin):
        return
    if origin.partition("://")[2] != headers.get("host"):
        raise OriginNotAllowed


def _allowed(origin: str) -> bool:
    """Whether the setting contains this origin; `:*` stands for any port."""
    listed = resources.settings().cors_origins
    site, colon, port = origin.rpartition(":")
    return origin in listed or (colon == ":" and port.isdecimal() and f"{site}:*" in listed)
