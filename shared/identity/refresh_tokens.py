"""Refresh tokens: one row per sign-in (a family), a new token at each use, and revocation of the family on reuse.

A token is `wbr_<family id>.<family secret>.<secret>`. Only SHA-256 hashes are stored; the secrets are random, so no
slow hash is needed. The family secret never changes. It distinguishes an older token of the family, which is stolen or
replayed (revoke), from a token that somebody forged with a known family id (refuse, and change nothing). See RFC 9700
§4.14.2.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.identity.errors import InvalidRefreshToken, RefreshTokenReused

SECOND_FACTORS = frozenset({"otp", "passkey"})
LIFETIME = timedelta(days=30)  # of a family; a refresh does not extend it

_TOKEN = re.compile(r"wbr_([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """The parts of a token; `text` is the token as the client stores it."""

    family_id: str
    family_secret: str = field(repr=False)
    secret: str = field(repr=False)

    @classmethod
    def generate(cls, family_id: str) -> RefreshToken:
        """The first token of a new family: 128 random bits for the family, 256 for the token."""
        return cls(family_id, secrets.token_urlsafe(16), secrets.token_urlsafe(32))

    def successor(self) -> RefreshToken:
        """The next token of the family. It is random, so call this before the transaction that stores it."""
        return replace(self, secret=secrets.token_urlsafe(32))

    @property
    def text(self) -> str:
        return f"wbr_{self.family_id}.{self.family_secret}.{self.secret}"

    @classmethod
    def parse(cls, text: str) -> RefreshToken:
        """Parse a token. Raises InvalidRefreshToken for any other text."""
        match = _TOKEN.fullmatch(text)
        if match is None:
            raise InvalidRefreshToken
        return cls(*match.groups())


@dataclass(frozen=True, slots=True)
class RefreshFamily:
    """A sign-in whose tokens can be refreshed. Its key is `id`, which access tokens carry as `sid`."""

    id: str  # ses_…
    user_id: str
    family_hash: bytes = field(repr=False)
    current_hash: bytes = field(repr=False)
    generation: int  # number of tokens issued, from 1
    factors: tuple[str, ...]  # how the person proved who they are
    authenticated_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
    second_factor_at: datetime | None = None  # when the second factor was last proved
    user_agent: str | None = None  # at the last refresh
    network: str | None = None

    def is_valid(self, now: datetime, sessions_after: datetime | None) -> bool:
        """Whether the sign-in is still valid; `sessions_after` is a field of the user."""
        ended = sessions_after is not None and sessions_after > self.authenticated_at
        return self.revoked_at is None and now < self.expires_at and not ended


@dataclass(frozen=True, slots=True)
class Device:
    """The client and network that a request comes from."""

    user_agent: str
    network: str


def opened(
    token: RefreshToken,
    user_id: str,
    factors: tuple[str, ...],
    now: datetime,
    *,
    device: Device | None = None,
    lifetime: timedelta = LIFETIME,
) -> RefreshFamily:
    """The family of a new sign-in; the factors `otp` and `passkey` prove a second factor."""
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
        second_factor_at=now if SECOND_FACTORS.intersection(factors) else None,
        user_agent=device.user_agent if device else None,
        network=device.network if device else None,
    )


def rotated(
    family: RefreshFamily | None,
    presented: RefreshToken,
    successor: RefreshToken,
    now: datetime,
    device: Device | None = None,
) -> tuple[RefreshFamily, RefreshTokenReused | None]:
    """The family to store, and the refusal to raise after it is stored (None: answer the successor).

    The successor replaces the current token. An older token revokes the family; commit that although the caller is
    refused. Raises InvalidRefreshToken for any other token; then there is nothing to store.
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
        user_agent=device.user_agent if device else family.user_agent,
        network=device.network if device else family.network,
    )
    return following, None


def stepped_up(family: RefreshFamily, factor: str, now: datetime) -> RefreshFamily:
    """The family after its user has proved a second factor."""
    return replace(
        family,
        factors=tuple(sorted({*family.factors, factor})),
        second_factor_at=now,
        version=family.version + 1,
        updated_at=now,
    )


def revoked(family: RefreshFamily, now: datetime) -> RefreshFamily:
    """The family after logout, a changed password or reuse; unchanged if it was already revoked."""
    if family.revoked_at is not None:
        return family
    return replace(family, revoked_at=now, version=family.version + 1, updated_at=now)


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
