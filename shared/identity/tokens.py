"""Access tokens: JWTs signed with ES256 (RFC 7519, RFC 8725, typ of RFC 9068), valid for 15 minutes.

A token is refused unless algorithm, type, key id, issuer and audience are exactly the pinned ones. This refuses `none`,
HS256 with the public key, and a token for another service. Verification reads no database and costs about 0.2 ms when
an instance sees a token for the first time. It needs only PyJWT and cryptography.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from shared.domain.permissions import ACTING_PERMISSIONS, TIERS, Caller, permissions_of
from shared.identity.errors import TokenExpired, Unauthenticated
from shared.identity.key_ring import KeyRing

ALGORITHM, TYPE = "ES256", "at+jwt"
LIFETIME = timedelta(minutes=15)
CLOCK_SKEW = timedelta(seconds=30)  # how far the clock of the issuing instance may be ahead
MAX_TOKEN_CHARACTERS = 8192
REMEMBERED = 2_000  # genuine tokens of this key ring: the same bytes are not verified twice, only their age
CLAIMS = ("iss", "aud", "sub", "roles", "permissions", "tier", "sid", "auth_time", "amr", "iat", "exp", "jti")


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An access token and its expiry."""

    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class AccessTokens:
    """Issues and verifies tokens for one issuer and audience (both are usually the deployment's URL)."""

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
        second_factor_at: datetime | None = None,
        email_verified: bool = True,
        acting_for: str | None = None,
    ) -> IssuedToken:
        """Issue a token for a session. `authenticated_at` and `second_factor_at` are the times of the last proof, not
        `now`. `acting_for` is the user for whom an administrator acts (emergency access)."""
        roles = sorted(roles)
        acting = ACTING_PERMISSIONS if acting_for else frozenset()
        expires_at = now + self.lifetime
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": user_id,
            "roles": roles,
            "permissions": sorted(permissions_of(roles) | acting),
            "tier": tier,
            "sid": session_id,
            "auth_time": _seconds(authenticated_at),
            "amr": sorted(factors),
            "iat": _seconds(now),
            "exp": _seconds(expires_at),
            "jti": secrets.token_urlsafe(12),
            "email_verified": email_verified,
        }
        more = {"second_factor_time": _seconds(second_factor_at), "acting_for": acting_for}
        claims |= {name: value for name, value in more.items() if value is not None}
        headers = {"kid": self.ring.active, "typ": TYPE}
        token = jwt.encode(claims, self.ring.signing_key, ALGORITHM, headers=headers)
        return IssuedToken(token, expires_at.replace(microsecond=0))

    def verify(self, token: str, now: datetime) -> Caller:
        """The caller that the token proves.

        Raises TokenExpired for a genuine token after `exp`, Unauthenticated for any other invalid token.
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
            second_factor_at=_moment(claims.get("second_factor_time")),
            email_verified=claims.get("email_verified", True),
            acting_for=claims.get("acting_for"),
            expires_at=_moment(claims["exp"]),
        )

    def _genuine(self, token: str) -> dict[str, Any]:
        """The claims of a token that one of our keys signed for this audience, expired or not."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise Unauthenticated
        try:
            # Without the other parts, which `decode` reads: PyJWT looks at each of a thousand characters.
            header = jwt.get_unverified_header(f"{token.partition('.')[0]}..")
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


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _well_formed(claims: dict[str, Any]) -> bool:
    """Whether the claims have the expected types. Our own tokens always do; the check stops a bug in an issuer from
    granting a permission."""
    lists = (claims["roles"], claims["permissions"], claims["amr"])
    return (
        all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists)
        and all(type(claims[name]) is int for name in ("iat", "exp", "auth_time"))
        and type(claims.get("second_factor_time", 0)) is int
        and isinstance(claims.get("email_verified", True), bool)
        and all(isinstance(claims[name], str) and claims[name] for name in ("sub", "sid", "jti"))
        and isinstance(claims.get("acting_for", "usr"), str)
        and claims["tier"] in TIERS
    )


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The tokens of a session; both are secret. `expires_at` is the expiry of the access token."""

    token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime
