"""Prove a passkey in the current session (step-up).

The answer is an access token that records the second factor.
"""

from __future__ import annotations

from schemas.second_factors import StepUp, VerifyPasskey
from shared.auth import passkeys, second_factor, sign_in
from shared.auth.passkeys import PasskeyProof
from shared.domain.permissions import Caller
from shared.domain.users import User
from shared.identity.passkeys import Asker
from shared.identity.refresh_tokens import RefreshFamily
from shared.runtime.operation import SELF, http
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/auth/passkeys/verify",
    permission=SELF,
    person=True,
    request=VerifyPasskey,
    answer=StepUp,
    idempotency="none",
    needs=("issuer",),
)
def verify_passkey(request: VerifyPasskey, caller: Caller) -> StepUp:
    proof = passkeys.proof(Asker("step-up", caller.user_id, caller.session_id or ""), request.credential)
    user, family = commit(_verify, caller, proof)
    token, expires_at = sign_in.access_token(user, family)
    return StepUp(token=token, expires_at=expires_at)


def _verify(unit: UnitOfWork, caller: Caller, proof: PasskeyProof) -> tuple[User, RefreshFamily]:
    user, _, family, _ = second_factor.proved_in_session(unit, caller, proof)
    return user, family
