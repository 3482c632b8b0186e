"""End the current session.

Its refresh token is revoked at once. Its access token can change nothing any more; it may still read until it expires.
"""

from __future__ import annotations

from shared.domain.permissions import Caller
from shared.identity import refresh_tokens
from shared.runtime.operation import SELF, http
from shared.store.tables.sign_ins import SESSIONS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http("POST", "/auth/logout", permission=SELF, person=True, status=204, idempotency="none")
def logout_user(caller: Caller) -> None:
    commit(_end, caller)


def _end(unit: UnitOfWork, caller: Caller) -> None:
    family = unit.maybe(SESSIONS.find(caller.session_id))
    if family is not None and family.user_id == caller.user_id:
        unit.write(refresh_tokens.revoked(family, unit.now))
