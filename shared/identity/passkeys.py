"""Passkeys (WebAuthn Level 2) as a second factor: challenges, and the check of an authenticator's answer.

A challenge is stateless: `<expiry: 4 bytes><random: 16><HMAC: 12>`. It is bound to its purpose, the user and the
session that requested it, and is spent once in the commit that uses it. Only answers for our site and pages count.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from shared.domain.errors import InvalidValue, Refusal
from shared.identity.errors import InvalidPasskey
from shared.identity.siwe_nonces import SpentNonce

LIFETIME: Final = timedelta(minutes=5)
MAX_BYTES: Final = 16_384  # the largest credential, as JSON
Purpose = Literal["register", "sign-in", "step-up"]
_log = logging.getLogger(__name__)


class PasskeysUnavailable(Refusal):
    code, status = "PASSKEYS_UNAVAILABLE", 409
    message = "Passkeys are not available: this deployment has no site configured (SIWE_DOMAINS)."


@dataclass(frozen=True, slots=True)
class Site:
    """The site that passkeys are bound to: the host of the first domain, and the pages that may ask for a passkey."""

    id: str
    origins: tuple[str, ...]

    @classmethod
    def of(cls, domains: Iterable[str], schemes: Iterable[str]) -> Site:
        """The site of these domains. Raises PasskeysUnavailable if there is no domain."""
        named = [domain.lower() for domain in domains]
        if not named:
            raise PasskeysUnavailable
        origins = tuple(f"{scheme}://{domain}" for domain in named for scheme in schemes)
        return cls(named[0].partition(":")[0], origins)


@dataclass(frozen=True, slots=True)
class Asker:
    """The purpose, the user and the session that a challenge is bound to."""

    purpose: Purpose
    user_id: str
    session_id: str  # empty before sign-in


def challenge(asker: Asker, now: datetime, key: bytes) -> bytes:
    """Create a challenge: 32 bytes for an authenticator to sign."""
    body = int((now + LIFETIME).timestamp()).to_bytes(4, "big") + secrets.token_bytes(16)
    return body + _mac(body, asker, key)


def spent(asker: Asker, credential: Mapping[str, Any], now: datetime, key: bytes) -> tuple[bytes, SpentNonce]:
    """The challenge that a credential answers, and the row that spends it.

    Raises InvalidPasskey if the challenge was not given to this asker or is too old."""
    try:
        client = json.loads(_bytes(credential["response"]["clientDataJSON"]))
        given = _bytes(client["challenge"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InvalidPasskey from None
    if len(given) != 32 or not hmac.compare_digest(_mac(given[:20], asker, key), given[20:]):
        raise InvalidPasskey
    ends = datetime.fromtimestamp(int.from_bytes(given[:4], "big"), UTC)
    if now >= ends:
        raise InvalidPasskey
    return given, SpentNonce("pkc_" + given[4:20].hex(), ends)


@dataclass(frozen=True, slots=True)
class Registered:
    """The data of a newly registered authenticator; `id` is base64url."""

    id: str
    public_key: bytes
    sign_count: int


def registration_options(
    site: Site, user_id: str, name: str, given: bytes, known: Iterable[str]
) -> dict[str, Any]:
    """The options that a page passes to `navigator.credentials.create`, as JSON (WebAuthn Level 3 §5.1.8)."""
    import webauthn
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    options = webauthn.generate_registration_options(
        rp_id=site.id,
        rp_name=site.id,
        user_id=hashlib.sha256(user_id.encode()).digest(),  # keeps personal data out of the authenticator
        user_name=name,
        challenge=given,
        exclude_credentials=[PublicKeyCredentialDescriptor(id=_bytes(one)) for one in known],
    )
    plain: dict[str, Any] = json.loads(webauthn.options_to_json(options))
    return plain


def assertion_options(site: Site, given: bytes, known: Iterable[str]) -> dict[str, Any]:
    """The options that a page passes to `navigator.credentials.get`, as JSON.

    Uses no library, because sign-in calls it."""
    return {
        "challenge": _text(given),
        "timeout": int(LIFETIME.total_seconds() * 1000),
        "rpId": site.id,
        "allowCredentials": [{"type": "public-key", "id": one} for one in known],
        "userVerification": "preferred",
    }


def registered(site: Site, credential: Mapping[str, Any], given: bytes) -> Registered:
    """Check the registration of an authenticator. Raises InvalidValue unless it answers this challenge on this site."""
    import webauthn

    try:
        made = webauthn.verify_registration_response(
            credential=dict(credential),
            expected_challenge=given,
            expected_rp_id=site.id,
            expected_origin=list(site.origins),
        )
    except Exception as error:  # whatever the library makes of hostile bytes
        _log.info("a passkey was not registered", extra={"error": type(error).__name__})
        raise InvalidValue(
            "credential", "is no registration of a passkey for this site and challenge"
        ) from None
    return Registered(_text(made.credential_id), made.credential_public_key, made.sign_count)


def asserted(
    site: Site, credential: Mapping[str, Any], given: bytes, public_key: bytes, sign_count: int
) -> int:
    """Check an authenticator's answer and return its new signature counter. Raises InvalidPasskey."""
    import webauthn

    try:
        proved = webauthn.verify_authentication_response(
            credential=dict(credential),
            expected_challenge=given,
            expected_rp_id=site.id,
            expected_origin=list(site.origins),
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
        )
    except Exception as error:  # whatever the library makes of hostile bytes
        _log.info("a passkey was refused", extra={"error": type(error).__name__})
        raise InvalidPasskey from None
    return proved.new_sign_count


def _mac(body: bytes, asker: Asker, key: bytes) -> bytes:
    text = "\0".join(("passkey", asker.purpose, asker.user_id, asker.session_id)).encode()
    return hmac.digest(key, text + b"\0" + body, hashlib.sha256)[:12]


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
