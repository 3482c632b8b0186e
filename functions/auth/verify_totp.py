"""Prove the second factor for this sign-in; the first code confirms a factor that was just added.

The answer is an access token that says so; the refresh token stays and keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from schemas.auth import StepUp, VerifyCode
from shared import resources
from shared.auth import second_factor, sign_in
from shared.domain.errors import Refusal
from shared.domain.permissions import Caller
from shared.domain.users import User
from shared.identity import recovery_codes, step_up
from shared.identity.errors import InvalidRefreshToken
from shared.identity.refresh_tokens import RefreshFamily
from shared.runtime.operation import SELF, http
from shared.store.session import Session
from shared.store.tables.sign_ins import FACTORS, SESSIONS
from shared.store.tables.users import USERS
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import custody
from shared.writes.commit import commit


@dataclass(frozen=True, slots=True)
class _Given:
    """The code, the secret opened for it, the row it was opened from, and recovery codes for the first time."""

    code: str = field(repr=False)
    secret: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    codes: list[str] = field(repr=False)


Verified = tuple[User, RefreshFamily, bool, Refusal | None]


@http(
    "POST",
    "/auth/totp/verify",
    permission=SELF,
    request=VerifyCode,
    answer=StepUp,
    idempotency="none",
    needs=("signer", "issuer"),
)
def verify_totp(request: VerifyCode, caller: Caller) -> StepUp:
    step_up.require_person(caller)
    factor = Session(resources.database().snapshot()).maybe(FACTORS.find(caller.user_id))
    if factor is None:
        raise second_factor.NoSecondFactor
    secret = custody.open_sealed(factor.sealed, second_factor.binding(factor.id))
    codes = recovery_codes.generate()
    given = _Given(request.code.get_secret_value(), secret, factor.sealed, codes)
    user, family, first, refusal = commit(_verify, caller, given)
    if refusal is not None:
        raise refusal
    token, expires_at = sign_in.access_token(user, family)
    return StepUp(token=token, expires_at=expires_at, recovery_codes=codes if first else None)


def _verify(unit: UnitOfWork, caller: Caller, given: _Given) -> Verified:
    user, factor, family = unit.read(
        USERS.get(caller.user_id), FACTORS.get(caller.user_id), SESSIONS.find(caller.session_id)
    )
    if family is None or family.revoked_at is not None or family.user_id != user.id or user.disabled:
        raise InvalidRefreshToken
    if factor.sealed != given.sealed:
        raise second_factor.NoSecondFactor
    hashes = tuple(recovery_codes.hashed(one) for one in given.codes)
    after, refusal = second_factor.checked(factor, given.secret, given.code, hashes, unit.now)
    unit.write(after)
    if refusal is None and "otp" not in family.factors:
        factors = tuple(sorted({*family.factors, "otp"}))
        family = replace(family, factors=factors, version=family.version + 1, updated_at=unit.now)
        unit.write(family)
    return user, family, factor.confirmed_at is None and refusal is None, refusal
