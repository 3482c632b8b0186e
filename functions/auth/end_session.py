"""End one of the caller's sessions, for example on a lost device."""

from __future__ import annotations

from schemas.auth import EndSession
from shared.domain.errors import NotFound
from shared.domain.permissions import Caller
from shared.identity import refresh_tokens
from shared.runtime.operation import SELF, http
from shared.store.tables.sign_ins import SESSIONS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http("DELETE", "/auth/sessions/{session_id}", permission=SELF, person=True, request=EndSession, status=204)
def end_session(request: EndSession, caller: Caller) -> None:
    commit(_end, request.session_id, caller)


def _end(unit: UnitOfWork, session_id: str, caller: Caller) -> None:
    family = unit.one(SESSIONS.get(session_id))
    if family.user_id != caller.user_id:
        raise NotFound
    unit.write(refresh_tokens.revoked(family, unit.now))
