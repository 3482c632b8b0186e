"""End a sign-in of an account, with a reason. Its owner is notified; a sign-in that has ended stays as it is.

It changes nothing more from now on. The access token that was issued last can read until it expires, at most for 15
minutes. The administrator must have a second factor: in production this cannot be skipped.
"""

from __future__ import annotations

from schemas.user_access import EndUserSignIn
from shared import resources
from shared.auth import administration, notices
from shared.domain.errors import NotFound
from shared.domain.permissions import Caller
from shared.identity import refresh_tokens
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.sign_ins import SESSIONS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/admin/users/{id}/sign-ins/{session_id}/end",
    permission="admin:users",
    person=True,
    request=EndUserSignIn,
    status=204,
    publishes=("account-events",),
)
def end_user_sign_in(request: EndUserSignIn, caller: Caller) -> None:
    administration.require_step_up(Session(resources.database().snapshot()), caller)
    commit(_end, request)


def _end(unit: UnitOfWork, request: EndUserSignIn) -> None:
    family = unit.one(SESSIONS.get(request.session_id))
    if family.user_id != request.id:
        raise NotFound
    unit.audit(family.id, user_id=family.user_id, reason=request.reason)
    if family.revoked_at is None:
        unit.write(refresh_tokens.revoked(family, unit.now))
        notices.record(
            unit, family.user_id, "sign_ins_ended", count="1", ended_id=family.id, reason=request.reason
        )
