"""Add an authenticator app (TOTP) as the second factor.

The secret is shown only in this answer and stored encrypted in the vault.
"""

from __future__ import annotations

from schemas.second_factors import Enrolment
from shared import resources
from shared.auth import second_factor
from shared.domain.permissions import Caller
from shared.identity import step_up, totp
from shared.keys.vault import SealedKey
from shared.runtime.operation import SELF, http
from shared.store.session import Session
from shared.store.tables.sign_ins import FACTORS, Factor, enrolled
from shared.store.tables.users import USERS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

ISSUER = "Web3 Wallet"


@http(
    "POST",
    "/auth/totp",
    permission=SELF,
    person=True,
    answer=Enrolment,
    status=201,
    idempotency="none",
    needs=("vault",),
)
def add_totp(caller: Caller) -> Enrolment:
    user, enrolled_now = Session(resources.database().snapshot()).read(
        USERS.get(caller.user_id), enrolled(caller.user_id)
    )
    step_up.require(caller, resources.clock().now(), enrolled=enrolled_now)
    secret = totp.generate_secret()
    sealed = resources.vault().seal(secret, second_factor.binding(user.id))
    commit(_add, user.id, sealed)
    return Enrolment(uri=totp.enrolment_uri(secret, user.email or user.address or user.id, ISSUER))


def _add(unit: UnitOfWork, user_id: str, sealed: SealedKey) -> None:
    before = unit.maybe(FACTORS.find(user_id))
    if before is not None and before.confirmed_at is not None:
        raise second_factor.SecondFactorExists
    version = 1 if before is None else before.version + 1
    unit.write(
        Factor(
            id=user_id,
            sealed=sealed.to_bytes(),
            master_key_id=sealed.master_key_id,
            confirmed_at=None,
            last_step=None,
            recovery=() if before is None else before.recovery,
            failures=0,
            failed_at=None,
            version=version,
            created_at=unit.now,
            updated_at=unit.now,
            passkeys=None if before is None else before.passkeys,
            trusted_after=unit.now,
        )
    )
