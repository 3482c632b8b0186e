"""End all sessions of the caller except the current one."""

from __future__ import annotations

from shared.auth import credentials
from shared.domain.permissions import Caller
from shared.runtime.operation import SELF, http
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http("DELETE", "/auth/sessions", permission=SELF, person=True, status=204, publishes=("account-events",))
def end_sessions(caller: Caller) -> None:
    commit(_end, caller)


def _end(unit: UnitOfWork, caller: Caller) -> None:
    credentials.end_sessions(unit, caller.user_id, keep=(caller.session_id,))
