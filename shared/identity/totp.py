"""Time-based one-time codes (RFC 6238 over RFC 4226): six digits, 30 seconds, SHA-1, as in every authenticator app.

The vault seals the secret. A code is accepted once: the used step is stored, and only later steps are valid.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from datetime import datetime
from typing import Literal
from urllib.parse import quote, urlencode

from shared.identity.errors import InvalidOneTimeCode

STEP_SECONDS = 30
DIGITS = 6
DRIFT_STEPS = 1  # before and after: RFC 6238 §5.2 advises one for slow fingers and clocks

_CODE = re.compile(r"[0-9]{6}")


def generate_secret() -> bytes:
    """Generate 20 random bytes, the length that RFC 4226 recommends."""
    return secrets.token_bytes(20)


def enrolment_uri(secret: bytes, account: str, issuer: str) -> str:
    """The otpauth URI for a QR code. Secret, shown once."""
    label = quote(f"{issuer}:{account}", safe="")
    query = {"secret": base64.b32encode(secret).decode().rstrip("="), "issuer": issuer}
    return f"otpauth://totp/{label}?{urlencode(query, quote_via=quote)}"


def code_at(
    secret: bytes,
    step: int,
    digits: int = DIGITS,
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha1",
) -> str:
    """The code of a time step (seconds since 1970, divided by 30)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), getattr(hashlib, algorithm))
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def verify(secret: bytes, code: str, now: datetime, last_step: int | None) -> int:
    """Check `code` and return its step; store that as the next `last_step`. Spaces in `code` are ignored.

    Raises InvalidOneTimeCode if the code is wrong, outside the window, or not later than `last_step`.
    """
    digits = code.replace(" ", "")
    current = int(now.timestamp()) // STEP_SECONDS
    matched = None
    for step in range(current - DRIFT_STEPS, current + DRIFT_STEPS + 1):
        same = _CODE.fullmatch(digits) and hmac.compare_digest(code_at(secret, step), digits)
        if same and (last_step is None or step > last_step):
            matched = step
    if matched is None:
        raise InvalidOneTimeCode
    return matched
