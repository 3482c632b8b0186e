"""Remove a passkey.

The caller must have proved a second factor just before.
"""

from __future__ import annotations

from dataclasses import replace

from schemas.second_factors import DeletePasskey
from shared.auth import notices
from shared.domain.errors import NotFound
from shared.domain.permissions import Caller
from shared.identity import step_up
from shared.runtime.operation import SELF, http
from shared.store.tables.sign_ins import FACTORS, PASSKEYS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "DELETE",
    "/auth/passkeys/{passkey_id}",
    permission=SELF,
    person=True,
    request=DeletePasskey,
    status=204,
    publishes=("account-events",),
)
def delete_passkey(request: DeletePasskey, caller: Caller) -> None:
    commit(_delete, request.passkey_id, caller)


def _delete(unit: UnitOfWork, passkey_id: str, caller: Caller) -> None:
    row, factor = unit.read(PASSKEYS.get(passkey_id), FACTORS.get(caller.user_id))
    if row.user_id != caller.user_id:
        raise NotFound
    step_up.require(caller, unit.now, enrolled=factor.enrolled)
    left = replace(
        factor,
        passkeys=max(0, (factor.passkeys or 0) - 1),
        version=factor.version + 1,
        updated_at=unit.now,
    )
    unit.delete(row)
    unit.write(left) if left.enrolled or left.sealed else unit.delete(factor)
    unit.note(row.id)
    notices.record(unit, caller.user_id, "second_factor_removed", factor="passkey", passkey_id=row.id)
