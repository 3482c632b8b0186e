"""Remove the second factor; it must have been proved in this sign-in."""

from __future__ import annotations

from shared import persons
from shared.commit import commit
from shared.identity.permissions import Caller
from shared.operation import SELF, http
from shared.second_factor import NoSecondFactor
from shared.store.factors import FACTORS
from shared.store.unit import UnitOfWork


@http("DELETE", "/auth/totp", permission=SELF, status=204)
def remove_totp(caller: Caller) -> None:
    persons.require_recent_login(caller)
    commit(_remove, caller)


def _remove(unit: UnitOfWork, caller: Caller) -> None:
    factor = unit.maybe(FACTORS.find(caller.user_id))
    if factor is None:
        raise NoSecondFactor
    persons.require_second_factor(caller, enrolled=factor.confirmed_at is not None)
    unit.note(factor.id)
    unit.delete(factor)
