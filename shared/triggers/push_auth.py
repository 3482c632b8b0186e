"""Authenticate pushes and schedules: Pub/Sub and Cloud Scheduler use OIDC; local runs use a token per run.

In production the bearer token must be signed by Google, for our audience and the push service account. Locally, the
emulator sends no Authorization header, so the push URL contains the random token of this run.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Any

from shared import resources
from shared.identity.errors import Unauthenticated
from shared.runtime.errors import Unready
from shared.settings import Settings
from shared.triggers.google_certificates import Certificates

Verifier = Callable[[str, str], Mapping[str, Any]]
CLOCK_SKEW = 10  # seconds


def google_claims(token: str, audience: str) -> Mapping[str, Any]:
    """The verified claims of a Google-signed OIDC token. Raises ValueError or GoogleAuthError otherwise."""
    from google.auth import jwt
    from google.oauth2 import id_token

    kid = str(jwt.decode_header(token).get("kid"))  # type: ignore[no-untyped-call]
    claims: Mapping[str, Any] = id_token.verify_oauth2_token(  # type: ignore[no-untyped-call]
        token,
        resources.memory(Certificates).transport(kid),
        audience=audience,
        clock_skew_in_seconds=CLOCK_SKEW,
    )
    return claims


def authenticate(
    settings: Settings, headers: Mapping[str, str], token: str, verify: Verifier = google_claims
) -> None:
    """Accept this delivery. Raises Unauthenticated (401) otherwise, and Unready if Google's keys are unavailable."""
    if settings.push_audience:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not bearer:
            raise Unauthenticated()
        _check_claims(settings, bearer, verify)
    elif not settings.local or not settings.push_token or not _same(token, settings.push_token):
        raise Unauthenticated()


def _check_claims(settings: Settings, bearer: str, verify: Verifier) -> None:
    from google.auth.exceptions import GoogleAuthError, TransportError

    try:
        claims = verify(bearer, settings.push_audience)
    except TransportError:
        raise Unready() from None
    except (ValueError, GoogleAuthError):
        raise Unauthenticated() from None
    if claims.get("email_verified") is not True or not _same(
        str(claims.get("email", "")), settings.push_service_account
    ):
        raise Unauthenticated()


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
