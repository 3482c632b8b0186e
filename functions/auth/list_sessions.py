"""List the caller's active sessions with device, network and last use."""

from __future__ import annotations

from schemas.auth import ListSessions, Session, SessionPage
from shared import resources
from shared.domain.permissions import Caller
from shared.reads import pagination
from shared.runtime.operation import SELF, http
from shared.store import session
from shared.store.tables.sign_ins import SESSIONS_BY_USER
from shared.store.tables.users import USERS


@http("GET", "/auth/sessions", permission=SELF, person=True, request=ListSessions, answer=SessionPage)
def list_sessions(request: ListSessions, caller: Caller) -> SessionPage:
    now = resources.clock().now()
    user = session.Session(resources.database().snapshot()).one(USERS.get(caller.user_id))
    rows, cursor = pagination.page_now(
        SESSIONS_BY_USER,
        [caller.user_id],
        limit=request.limit,
        cursor=request.cursor,
        filters={},
        keep=lambda family: family.is_valid(now, user.sessions_after),
    )
    rows.sort(key=lambda family: family.created_at, reverse=True)
    return SessionPage(items=[Session.of(row, caller.session_id) for row in rows], next_cursor=cursor)
