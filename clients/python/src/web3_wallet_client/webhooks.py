"""Verify that a webhook is genuine, or sign one for a test: Standard Webhooks with the signature `v1`, HMAC-SHA256."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress

from web3_wallet_client.errors import WebhookError
from web3_wallet_client.events import Event, event_of

TOLERANCE = 300.0  # maximum difference in seconds between the webhook's time and the clock
PREFIX = "whsec_"


def verify(
    body: bytes | str,
    headers: Mapping[str, str],
    secret: str | Iterable[str],
    *,
    tolerance: float = TOLERANCE,
    now: float | None = None,
) -> Event:
    """Verify a webhook and return its event. Raises WebhookError, and ValueError for a secret that is none.

    `body` is the received body, byte for byte, before any parsing. During the rotation of a secret, pass both
    secrets. The same webhook may come twice: store its `webhook-id` for the duration of `tolerance`, or the event's
    `id`.
    """
    sent = {name.lower(): value for name, value in headers.items()}
    try:
        identity, timestamp, given = (sent[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    except KeyError as missing:
        raise WebhookError(f"the header {missing} is missing") from None
    _check_time(timestamp, tolerance, time.time() if now is None else now)
    content = body.encode() if isinstance(body, str) else body
    secrets = [secret] if isinstance(secret, str) else list(secret)
    wanted = [_digest(one, identity, timestamp, content) for one in secrets]
    found = [_signature(one.removeprefix("v1,")) for one in given.split() if one.startswith("v1,")]
    # Every pair is compared in constant time, so that the duration reveals nothing.
    matches = [hmac.compare_digest(one, other) for one in wanted for other in found]
    if not any(matches):
        raise WebhookError("no signature fits")
    try:
        return event_of(json.loads(content))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise WebhookError("the body is no event") from None


def sign(
    body: bytes | str, secret: str, *, webhook_id: str | None = None, now: float | None = None
) -> dict[str, str]:
    """The headers with which `verify` accepts this body, to test a receiver without a server.

    `webhook_id` is a new one by default; `now` is in seconds since 1970. Raises ValueError for a secret that is none.
    """
    identity = webhook_id or f"msg_{uuid.uuid4().hex}"
    timestamp = str(int(time.time() if now is None else now))
    digest = _digest(secret, identity, timestamp, body.encode() if isinstance(body, str) else body)
    return {
        "webhook-id": identity,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _digest(secret: str, identity: str, timestamp: str, content: bytes) -> bytes:
    return hmac.new(_key(secret), f"{identity}.{timestamp}.".encode() + content, hashlib.sha256).digest()


def _check_time(text: str, tolerance: float, now: float) -> None:
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):
        raise WebhookError("webhook-timestamp is no time")
    if abs(now - int(text)) > tolerance:
        raise WebhookError("it is too old, or of the future")


def _key(secret: str) -> bytes:
    with suppress(ValueError):
        if key := base64.b64decode(secret.removeprefix(PREFIX), validate=True):
            return key
    # An empty secret, such as an unset variable, must not verify what anybody can sign.
    raise ValueError(f"a webhook's secret begins with {PREFIX} and is base64")


def _signature(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
