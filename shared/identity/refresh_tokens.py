"""Refresh tokens: one row per sign-in (a family), a new token at each use, and the end of the family on
reuse.

A token is `wbr_<family id>.<family secret>.<secret>`. Only SHA-256 hashes are stored; the secrets are
random, so no slow hash is needed. The family secret stays the same and tells an older token of this family
(stolen or replayed: revoke) from one that somebody made up around a known family id (refuse, and change
nothing). See RFC 9700 §4.14.2.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.identity.errors import InvalidRefreshToken, RefreshTokenReused

LIFETIME = timedelta(days=30)  # of a family, however often it is refreshed

_TOKEN = re.compile(r"wbr_([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """The parts of a token; `text` is what the client keeps."""

    family_id: str
    family_secret: str = field(repr=False)
    secret: str = field(repr=False)

    @classmethod
    def generate(cls, family_id: str) -> RefreshToken:
        """The first token of a new family: 128 random bits for the family, 256 for the token."""
        return cls(family_id, secrets.token_urlsafe(16), secrets.token_urlsafe(32))

    def successor(self) -> RefreshToken:
        """The next token of the family. Random: make it before the transaction that stores it."""
        return replace(self, secret=secrets.token_urlsafe(32))

    @property
    def text(self) -> str:
        return f"wbr_{self.family_id}.{self.family_secret}.{self.secret}"

    @classmethod
    def parse(cls, text: str) -> RefreshToken:
        """Raises InvalidRefreshToken."""
        match = _TOKEN.fullmatch(text)
        if match is None:
            raise InvalidRefreshToken
        return cls(*match.groups())


@dataclass(frozen=True, slots=True)
class RefreshFamily:
    """A sign-in and what may be refreshed from it. Key `id`, which access tokens carry as `sid`."""

    id: str  # ses_…
    user_id: str
    family_hash: bytes = field(repr=False)
    current_hash: bytes = field(repr=False)
    generation: int  # how many tokens were given out, from 1
    factors: tuple[str, ...]  # how the person proved who they are
    authenticated_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


def opened(
    token: RefreshToken,
    user_id: str,
    factors: tuple[str, ...],
    now: datetime,
    lifetime: timedelta = LIFETIME,
) -> RefreshFamily:
    """The family of a new sign-in."""
    return RefreshFamily(
        id=token.family_id,
        user_id=user_id,
        family_hash=_hashed(token.family_secret),
        current_hash=_hashed(token.secret),
        generation=1,
        factors=factors,
        authenticated_at=now,
        expires_at=now + lifetime,
        revoked_at=None,
        version=1,
        created_at=now,
        updated_at=now,
    )


def rotated(
    family: RefreshFamily | None, presented: RefreshToken, successor: RefreshToken, now: datetime
) -> tuple[RefreshFamily, RefreshTokenReused | None]:
    """What to store, and the refusal to answer after it is stored (None: answer the successor).

    The current token makes way for its successor. An older one revokes the family, which must be committed
    although the caller is refused. Raises InvalidRefreshToken, with nothing to store, for all others.
    """
    if family is None or not hmac.compare_digest(family.family_hash, _hashed(presented.family_secret)):
        raise InvalidRefreshToken
    if family.revoked_at is not None or now >= family.expires_at:
        raise InvalidRefreshToken
    if not hmac.compare_digest(family.current_hash, _hashed(presented.secret)):
        return revoked(family, now), RefreshTokenReused()
    following = replace(
        family,
        current_hash=_hashed(successor.secret),
        generation=family.generation + 1,
        version=family.version + 1,
        updated_at=now,
    )
    return following, None


def revoked(family: RefreshFamily, now: datetime) -> RefreshFamily:
    """The family after logout, a changed password or reuse; unchanged when it already was revoked."""
    if family.revoked_at is not None:
        return family
    return replace(family, revoked_at=now, version=family.version + 1, updated_at=now)


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
