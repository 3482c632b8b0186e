"""Remove the authenticator app.

The caller must have proved a second factor in this session.
"""

from __future__ import annotations

from dataclasses import replace

from shared.auth import notices
from shared.domain.permissions import Caller
from shared.identity import step_up
from shared.identity.errors import NoSecondFactor
from shared.runtime.operation import SELF, http
from shared.store.tables.sign_ins import FACTORS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http("DELETE", "/auth/totp", permission=SELF, person=True, status=204, publishes=("account-events",))
def remove_totp(caller: Caller) -> None:
    commit(_remove, caller)


def _remove(unit: UnitOfWork, caller: Caller) -> None:
    factor = unit.maybe(FACTORS.find(caller.user_id))
    if factor is None or not factor.sealed:
        raise NoSecondFactor
    step_up.require(caller, unit.now, enrolled=factor.enrolled)
    unit.note(factor.id)
    if factor.passkeys:
        unit.write(
            replace(
                factor,
                sealed=b"",
                confirmed_at=None,
                last_step=None,
                trusted_after=unit.now,
                version=factor.version + 1,
                updated_at=unit.now,
            )
        )
    else:
        unit.delete(factor)
    if factor.confirmed_at is not None:
        notices.record(unit, factor.id, "second_factor_removed", factor="totp")
