"""Nonces for signing in with a wallet: made without storing anything, checked by their MAC, spent once in a commit.

`<expiry: 8 hex><random: 24 hex><HMAC: 24 hex>` (56 characters, alphanumeric as EIP-4361 asks). Handing one out costs no
write, so asking for many fills no table.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

LIFETIME: Final = timedelta(minutes=10)
_NONCE: Final = re.compile(r"([0-9a-f]{8})([0-9a-f]{24})([0-9a-f]{24})")


@dataclass(frozen=True, slots=True)
class SpentNonce:
    """A nonce that has signed somebody in; the row goes when the nonce would have expired anyway."""

    id: str
    expires_at: datetime


def issue(now: datetime, key: bytes) -> tuple[str, datetime]:
    """A new nonce and when it ends."""
    expires = int((now + LIFETIME).timestamp())
    body = f"{expires:08x}{secrets.token_hex(12)}"
    return body + _mac(body, key), datetime.fromtimestamp(expires, UTC)


def expiry(nonce: str, key: bytes) -> datetime | None:
    """When a nonce of ours ends; None for any other text."""
    match = _NONCE.fullmatch(nonce)
    if match is None or not hmac.compare_digest(_mac(match[1] + match[2], key), match[3]):
        return None
    return datetime.fromtimestamp(int(match[1], 16), UTC)


def _mac(body: str, key: bytes) -> str:
    return hmac.digest(key, b"siwe-nonce\0" + body.encode(), hashlib.sha256).hex()[:24]
