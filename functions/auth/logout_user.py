"""End this sign-in: its refresh token is void at once, its access token for all that changes something."""

from __future__ import annotations

from shared.commit import commit
from shared.identity import refresh
from shared.identity.permissions import Caller
from shared.operation import SELF, http
from shared.persons import require_person
from shared.store.sessions import SESSIONS
from shared.store.unit import UnitOfWork


@http("POST", "/auth/logout", permission=SELF, status=204, idempotency="none")
def logout_user(caller: Caller) -> None:
    require_person(caller)
    commit(_end, caller)


def _end(unit: UnitOfWork, caller: Caller) -> None:
    family = unit.maybe(SESSIONS.find(caller.session_id))
    if family is not None and family.user_id == caller.user_id:
        unit.write(refresh.revoked(family, unit.now))
