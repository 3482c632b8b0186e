"""Opaque list cursors: where the previous page ended, signed and bound to the list, its filters and the caller."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared import resources
from shared.errors import InvalidCursor

_MAC = 16
_LIMIT = 1024


def encode(binding: Sequence[Any], position: Sequence[Any]) -> str:
    """The cursor behind `position` (index key values) of the list that `binding` describes."""
    plain = [{"t": value.isoformat()} if isinstance(value, datetime) else value for value in position]
    payload = json.dumps(plain, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_mac(binding, payload) + payload).decode().rstrip("=")


def decode(binding: Sequence[Any], cursor: str) -> tuple[Any, ...]:
    """The position. Raises InvalidCursor (400) for anything but a cursor that `encode` gave for this list."""
    if len(cursor) > _LIMIT or not cursor.isascii():
        raise InvalidCursor()
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise InvalidCursor() from None
    if not hmac.compare_digest(raw[:_MAC], _mac(binding, raw[_MAC:])):
        raise InvalidCursor()
    values = json.loads(raw[_MAC:])
    return tuple(datetime.fromisoformat(value["t"]) if isinstance(value, dict) else value for value in values)


def _mac(binding: Sequence[Any], payload: bytes) -> bytes:
    text = json.dumps(["cursor", *binding], default=str).encode() + b"\0" + payload
    return hmac.new(resources.settings().fingerprint_key, text, hashlib.sha256).digest()[:_MAC]
