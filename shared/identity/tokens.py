"""Access tokens: JWTs signed with ES256 (RFC 7519, RFC 8725, typ of RFC 9068), valid for 15 minutes.

A token is refused unless algorithm, type, key id, issuer and audience are exactly the pinned ones, so that
neither `none`, nor HS256 with the public key, nor a token for another service gets through. Verifying reads
nothing and costs about 0.2 ms when an instance sees a token first. Needs PyJWT and cryptography only.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from shared.domain.permissions import TIERS, Caller, permissions_of
from shared.identity.errors import TokenExpired, Unauthenticated
from shared.identity.key_ring import KeyRing

ALGORITHM, TYPE = "ES256", "at+jwt"
LIFETIME = timedelta(minutes=15)
CLOCK_SKEW = timedelta(seconds=30)  # how far ahead an issuing instance's clock may be
MAX_TOKEN_CHARACTERS = 8192
REMEMBERED = 2_000  # genuine tokens of this key ring: the same bytes are not verified twice, only their age
CLAIMS = ("iss", "aud", "sub", "roles", "permissions", "tier", "sid", "auth_time", "amr", "iat", "exp", "jti")


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An access token and when it ends."""

    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class AccessTokens:
    """Issues and verifies for one issuer and audience (both usually the deployment's URL)."""

    ring: KeyRing
    issuer: str
    audience: str
    lifetime: timedelta = LIFETIME
    _known: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False, compare=False)

    def issue(
        self,
        user_id: str,
        roles: Iterable[str],
        tier: str,
        *,
        session_id: str,
        authenticated_at: datetime,
        factors: Iterable[str],
        now: datetime,
    ) -> IssuedToken:
        """A token for a session. `authenticated_at` is when the person last proved who they are, not `now`."""
        roles = sorted(roles)
        expires_at = now + self.lifetime
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": user_id,
            "roles": roles,
            "permissions": sorted(permissions_of(roles)),
            "tier": tier,
            "sid": session_id,
            "auth_time": int(authenticated_at.timestamp()),
            "amr": sorted(factors),
            "iat": int(now.timestamp()),
            "exp": int(expires_at.timestamp()),
            "jti": secrets.token_urlsafe(12),
        }
        headers = {"kid": self.ring.active, "typ": TYPE}
        token = jwt.encode(claims, self.ring.signing_key, ALGORITHM, headers=headers)
        return IssuedToken(token, expires_at.replace(microsecond=0))

    def verify(self, token: str, now: datetime) -> Caller:
        """Who the bearer is.

        Raises TokenExpired for a genuine token after `exp`, Unauthenticated for the rest.
        """
        claims = self._known.get(token)
        if claims is None:
            claims = self._genuine(token)
            if not _well_formed(claims):
                raise Unauthenticated
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[token] = claims
        if now.timestamp() >= claims["exp"]:
            raise TokenExpired
        if claims["iat"] > (now + CLOCK_SKEW).timestamp():
            raise Unauthenticated
        return Caller(
            user_id=claims["sub"],
            kind="service" if "service" in claims["roles"] else "user",
            roles=frozenset(claims["roles"]),
            permissions=frozenset(claims["permissions"]),
            tier=claims["tier"],
            session_id=claims["sid"],
            authenticated_at=datetime.fromtimestamp(claims["auth_time"], UTC),
            factors=frozenset(claims["amr"]),
        )

    def _genuine(self, token: str) -> dict[str, Any]:
        """The claims of a token that one of our keys signed for this audience, whatever its age."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise Unauthenticated
        try:
            header = jwt.get_unverified_header(token)
            key = self.ring.verifying_key(header.get("kid"))
            if key is None or header.get("alg") != ALGORITHM or header.get("typ") != TYPE:
                raise Unauthenticated
            return jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self.audience,
                issuer=self.issuer,
                options={
                    "require": list(CLAIMS),
                    "strict_aud": True,
                    "verify_exp": False,  # checked in `verify` against its `now`
                    "verify_iat": False,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise Unauthenticated from None


def _well_formed(claims: dict[str, Any]) -> bool:
    """Our own tokens always are; this keeps a bug in an issuer from becoming a right."""
    lists = (claims["roles"], claims["permissions"], claims["amr"])
    return (
        all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists)
        and all(type(claims[name]) is int for name in ("iat", "exp", "auth_time"))
        and all(isinstance(claims[name], str) and claims[name] for name in ("sub", "sid", "jti"))
        and claims["tier"] in TIERS
    )


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The tokens of a session; both are secrets. `expires_at` is the access token's end."""

    token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime
