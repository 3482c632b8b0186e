"""Tokens sent by mail: `wbm_<user id>.<expiry>.<secret>`, valid for one purpose. Nothing is stored.

The secret is an HMAC (RFC 2104, 256 bits) over everything whose change must invalidate the token. A reset token becomes
invalid when the password changes, so it works once; a verification token when the account's address changes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.domain.errors import Refusal
from shared.domain.users import User

_TOKEN: Final = re.compile(r"wbm_([A-Za-z0-9_-]{1,64})\.([0-9]{10})\.([A-Za-z0-9_-]{43})")


class MailTokenInvalid(Refusal):
    code, status = "MAIL_TOKEN_INVALID", 422
    message = "The link is invalid, already used or expired; request a new one."


@dataclass(frozen=True, slots=True)
class Purpose:
    name: str
    lifetime: timedelta


RESET: Final = Purpose("password-reset", timedelta(hours=1))
VERIFY: Final = Purpose("email-verification", timedelta(days=2))


@dataclass(frozen=True, slots=True)
class MailToken:
    """The parts of a token; `text` is the token as the mail contains it."""

    user_id: str
    expires: int  # seconds since 1970
    secret: str = field(repr=False)

    @classmethod
    def made(cls, purpose: Purpose, user: User, now: datetime, key: bytes) -> MailToken:
        expires = int((now + purpose.lifetime).timestamp())
        return cls(user.id, expires, _secret(purpose, user, expires, key))

    @property
    def text(self) -> str:
        return f"wbm_{self.user_id}.{self.expires}.{self.secret}"

    @classmethod
    def parse(cls, text: str) -> MailToken:
        """Parse a token. Raises MailTokenInvalid for any other text."""
        match = _TOKEN.fullmatch(text)
        if match is None:
            raise MailTokenInvalid
        return cls(match[1], int(match[2]), match[3])


def check(token: MailToken, purpose: Purpose, user: User | None, now: datetime, key: bytes) -> None:
    """Raises MailTokenInvalid unless the token was made for this purpose and for the user's current state."""
    if user is None or user.disabled or now >= datetime.fromtimestamp(token.expires, UTC):
        raise MailTokenInvalid
    if not hmac.compare_digest(token.secret, _secret(purpose, user, token.expires, key)):
        raise MailTokenInvalid


def _secret(purpose: Purpose, user: User, expires: int, key: bytes) -> str:
    parts = (purpose.name, user.id, user.email or "", str(expires))
    voided_by = user.password_hash or "" if purpose == RESET else ""
    text = "\0".join((*parts, voided_by)).encode()
    return urlsafe_b64encode(hmac.digest(key, b"mail-token\0" + text, hashlib.sha256)).decode().rstrip("=")
