"""The rules of the second factor: one code counts once, five wrong ones in a row have to wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from shared.domain.errors import Refusal
from shared.identity import recovery_codes, totp
from shared.identity.errors import InvalidOneTimeCode
from shared.identity.lockout import TooManyAttempts
from shared.keys.vault import Binding
from shared.store.tables.sign_ins import Factor

MOST_FAILURES: Final = 5
WAIT: Final = timedelta(minutes=15)


class SecondFactorExists(Refusal):
    code, status = "SECOND_FACTOR_EXISTS", 409
    message = "The account has a second factor; remove it before another is added."


class NoSecondFactor(Refusal):
    code, status, message = "NO_SECOND_FACTOR", 409, "The account has no second factor; add one first."


def binding(user_id: str) -> Binding:
    """What the sealed secret is bound to."""
    return Binding(tenant=user_id, wallet_id=user_id, purpose="totp", key_version=1)


def checked(
    factor: Factor, secret: bytes, code: str, fresh: tuple[str, ...], now: datetime
) -> tuple[Factor, Refusal | None]:
    """What to store, and the refusal to answer after it is stored. `fresh`: the hashes that confirming brings.

    Raises TooManyAttempts."""
    if factor.failures >= MOST_FAILURES and factor.failed_at and now - factor.failed_at < WAIT:
        raise TooManyAttempts(factor.failed_at + WAIT - now)
    changed = replace(factor, failures=0, failed_at=None, version=factor.version + 1, updated_at=now)
    hashed = recovery_codes.hashed(code)
    if factor.confirmed_at is not None and hashed in factor.recovery:
        return replace(changed, recovery=tuple(one for one in factor.recovery if one != hashed)), None
    try:
        step = totp.verify(secret, code, now, factor.last_step)
    except InvalidOneTimeCode as refusal:
        return replace(changed, failures=factor.failures + 1, failed_at=now), refusal
    if factor.confirmed_at is None:
        changed = replace(changed, confirmed_at=now, recovery=fresh)
    return replace(changed, last_step=step), None
