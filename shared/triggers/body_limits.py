"""How much of a request's body is read. Nobody is authenticated before the body is read, so this is little, except for
pushes, whose headers alone prove who sends them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared import resources
from shared.domain.errors import Refusal
from shared.runtime.operation import API, BODY_WITH_ABI, MAX_BODY
from shared.triggers import push_auth

MAX_PUSH: Final = 16 * 1024 * 1024  # a Pub/Sub message has at most 10 MB, here in base64 within JSON
PUSHES: Final = "/push/"
_WITH_ABI: Final = f"{API}/contracts"
_WITHOUT: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def body_limit(method: str, path: str, headers: Mapping[str, str], token: str) -> int:
    """The maximum number of body bytes that are read for this request; the route itself may accept less.

    A push may be as long as Pub/Sub allows: an unread push could not be recorded, and would be redelivered for ever.
    `token` is the one in the query. Verifies the credentials of a long push, which may ask Google for keys."""
    if method in _WITHOUT:
        return 0
    if path.startswith(PUSHES) and _long(headers):
        return MAX_PUSH if _is_push(headers, token) else MAX_BODY
    return BODY_WITH_ABI if path.startswith(_WITH_ABI) else MAX_BODY


def _long(headers: Mapping[str, str]) -> bool:
    """Whether the body may be longer than other bodies; sent in chunks, it has no known length."""
    length = headers.get("content-length", "")
    return not length.isdecimal() or int(length[:20]) > MAX_BODY


def _is_push(headers: Mapping[str, str], token: str) -> bool:
    try:
        push_auth.authenticate(resources.settings(), headers, token)
    except Refusal:
        return False
    return True
