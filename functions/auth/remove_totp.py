"""Remove the second factor; it must have been proved in this sign-in."""

from __future__ import annotations

from shared.auth.second_factor import NoSecondFactor
from shared.domain.permissions import Caller
from shared.identity import step_up
from shared.runtime.operation import SELF, http
from shared.store.tables.sign_ins import FACTORS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http("DELETE", "/auth/totp", permission=SELF, person=True, status=204)
def remove_totp(caller: Caller) -> None:
    commit(_remove, caller)


def _remove(unit: UnitOfWork, caller: Caller) -> None:
    factor = unit.maybe(FACTORS.find(caller.user_id))
    if factor is None:
        raise NoSecondFactor
    step_up.require(caller, unit.now, enrolled=factor.enrolled)
    unit.note(factor.id)
    unit.delete(factor)
