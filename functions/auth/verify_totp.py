"""Prove the second factor in the current session; the first code confirms an authenticator app just added.

The answer is an access token that records the second factor. The refresh token stays valid and keeps it.
"""

from __future__ import annotations

from schemas.second_factors import StepUp, VerifyCode
from shared.auth import notices, second_factor, sign_in
from shared.domain.errors import Refusal
from shared.domain.permissions import Caller
from shared.domain.users import User
from shared.identity.refresh_tokens import RefreshFamily
from shared.runtime.operation import SELF, http
from shared.store.tables.sign_ins import FACTORS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

Verified = tuple[User, RefreshFamily, bool, Refusal | None]


@http(
    "POST",
    "/auth/totp/verify",
    permission=SELF,
    person=True,
    request=VerifyCode,
    answer=StepUp,
    idempotency="none",
    needs=("signer", "issuer"),
    publishes=("account-events",),
)
def verify_totp(request: VerifyCode, caller: Caller) -> StepUp:
    proof = second_factor.code_proof(caller.user_id, request.code.get_secret_value())
    user, family, first, refusal = commit(_verify, caller, proof)
    if refusal is not None:
        raise refusal
    token, expires_at = sign_in.access_token(user, family)
    return StepUp(token=token, expires_at=expires_at, recovery_codes=proof.codes if first else None)


def _verify(unit: UnitOfWork, caller: Caller, proof: second_factor.CodeProof) -> Verified:
    user, factor, family, refusal = second_factor.proved_in_session(unit, caller, proof)
    app_confirmed = unit.one(FACTORS.get(user.id)).confirmed_at is not None  # false for a recovery code
    first = refusal is None and factor.confirmed_at is None and app_confirmed
    if first:
        notices.record(unit, user.id, "second_factor_added", factor="totp")
    return user, family, first and not factor.recovery, refusal
