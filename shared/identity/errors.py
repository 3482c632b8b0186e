"""Refusals of failed sign-ins and credentials: mostly 401, which never tells which half of a credential was wrong.

Refusal (shared.domain.errors)
├── Unauthenticated 401
│   ├── TokenExpired            the access token's `exp` has passed: refresh it
│   ├── InvalidCredentials      e-mail or password: the same answer for both
│   ├── InvalidRefreshToken     unknown, expired or revoked
│   │   └── RefreshTokenReused  an older token of the family: the family must be revoked
│   ├── InvalidApiKey           malformed, unknown or revoked
│   ├── SiweRefused             the signed message fails one of the checks
│   ├── SecondFactorRequired    the password alone does not sign in to this account
│   ├── InvalidOneTimeCode      wrong, too old or used before
│   └── InvalidPasskey          another key, site, session or challenge, or one that was used before
├── NoSecondFactor 409          the account has no such second factor
├── EmailUnverified 403         nobody has proved access to the account's mailbox
└── IdentityBusy 503            all password-hashing slots of this instance are taken
"""

from __future__ import annotations

from shared.domain.errors import Refusal


class Unauthenticated(Refusal):
    code, status = "UNAUTHENTICATED", 401
    message = "Send a valid access token (Authorization: Bearer TOKEN) or API key (X-API-Key: KEY)."


class TokenExpired(Unauthenticated):
    code, message = "TOKEN_EXPIRED", "The access token has expired; refresh it."


class InvalidCredentials(Unauthenticated):
    code, message = "INVALID_CREDENTIALS", "The e-mail address or the password is wrong."


class InvalidRefreshToken(Unauthenticated):
    code, message = (
        "REFRESH_TOKEN_INVALID",
        "The refresh token is unknown, expired or revoked; sign in again.",
    )


class RefreshTokenReused(InvalidRefreshToken):
    code, message = "REFRESH_TOKEN_REUSED", "This refresh token was used before; sign in again."


class InvalidApiKey(Unauthenticated):
    code, message = "API_KEY_INVALID", "The API key is malformed, unknown or revoked."


class SiweRefused(Unauthenticated):
    """`data.reason` names the failed check: domain, scheme, uri, nonce, chain, time or signature."""

    code, message = "SIWE_REFUSED", "The signed message is not valid for signing in here and now."

    def __init__(self, reason: str) -> None:
        super().__init__(None, reason=reason)


class InvalidOneTimeCode(Unauthenticated):
    code, message = "ONE_TIME_CODE_INVALID", "The one-time code is wrong, expired or already used."


class SecondFactorRequired(Unauthenticated):
    """`data.factors` names what the account has: totp, passkey. Sign in again with `otp` or `passkey`."""

    code, message = "SECOND_FACTOR_REQUIRED", "This account needs its second factor to sign in."


class InvalidPasskey(Unauthenticated):
    """The same code for everything that can be wrong with a passkey's answer."""

    code, message = (
        "PASSKEY_INVALID",
        "The passkey's answer is not valid for this challenge; request a new one.",
    )


class NoSecondFactor(Refusal):
    code, status, message = "NO_SECOND_FACTOR", 409, "The account has no such second factor; add one first."


class EmailUnverified(Refusal):
    code, status = "EMAIL_UNVERIFIED", 403
    message = (
        "Confirm your e-mail address first, with the token from the mail, or choose a new password by mail."
    )


class IdentityBusy(Refusal):
    code, status, message = "IDENTITY_BUSY", 503, "Too many sign-ins at once on this instance; try again."
    retry_after = 1.0
