"""Nonces for signing in with a wallet: issued without a write, checked by their MAC, spent once in a commit.

The form is `<expiry: 8 hex><random: 24 hex><HMAC: 24 hex>` (56 characters, alphanumeric as EIP-4361 requires). Issuing
a nonce costs no write, so requests for many nonces do not fill a table.
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
    """A nonce that was used to sign in; its row is removed when the nonce expires."""

    id: str
    expires_at: datetime


def issue(now: datetime, key: bytes) -> tuple[str, datetime]:
    """A new nonce and its expiry."""
    expires = int((now + LIFETIME).timestamp())
    body = f"{expires:08x}{secrets.token_hex(12)}"
    return body + _mac(body, key), datetime.fromtimestamp(expires, UTC)


def expiry(nonce: str, key: bytes) -> datetime | None:
    """The expiry of a nonce that we issued; None for any other text."""
    match = _NONCE.fullmatch(nonce)
    if match is None or not hmac.compare_digest(_mac(match[1] + match[2], key), match[3]):
        return None
    return datetime.fromtimestamp(int(match[1], 16), UTC)


def _mac(body: str, key: bytes) -> str:
    return hmac.digest(key, b"siwe-nonce\0" + body.encode(), hashlib.sha256).hex()[:24]
