"""List the sign-ins of one account, newest first, and what failed recently.

Sign-ins that ended stay in the list until 31 days after they began. Only administrators see device and network.
"""

from __future__ import annotations

from datetime import datetime
from itertools import chain

from schemas.user_access import FailedSignIns, ListUserSignIns, UserSignIn, UserSignInPage
from shared import resources
from shared.domain.permissions import Caller
from shared.identity import lockout
from shared.identity.lockout import Guard
from shared.reads import pagination
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.sign_ins import FACTORS, GUARDS, SESSIONS, SESSIONS_BY_USER_TIME, Factor
from shared.store.tables.users import USERS


@http(
    "GET",
    "/admin/users/{id}/sign-ins",
    permission="admin:read",
    request=ListUserSignIns,
    answer=UserSignInPage,
)
def list_user_sign_ins(request: ListUserSignIns, caller: Caller) -> UserSignInPage:
    session = Session(resources.database().snapshot())
    user, factor, (entries, cursor) = session.read(
        USERS.get(request.id),
        FACTORS.find(request.id),
        pagination.entries(SESSIONS_BY_USER_TIME, [request.id], limit=request.limit, cursor=request.cursor),
    )
    key = resources.settings().fingerprint_key
    everywhere = lockout.guard_id(user.email or user.id, lockout.EVERYWHERE, key)
    ids = [entry["id"] for entry in entries]
    followed = [SESSIONS.get_many((one,) for one in ids)] if ids else []
    guard, *rows = session.read_all([GUARDS.find(everywhere), *followed])
    sign_ins = {row.id: row for row in chain.from_iterable(rows)}
    now, whole = resources.clock().now(), caller.may("admin:users")
    return UserSignInPage(
        items=[UserSignIn.of(sign_ins[one], user, now, whole=whole) for one in ids if one in sign_ins],
        next_cursor=cursor,
        failed=_failed(guard, factor, now),
    )


def _failed(guard: Guard | None, factor: Factor | None, now: datetime) -> FailedSignIns:
    settings = resources.settings()
    passwords = guard.count(now) if guard else 0
    return FailedSignIns(
        passwords=passwords,
        passwords_since=guard.since if guard and passwords else None,
        waiting=passwords >= settings.sign_in_attempts * lockout.ACCOUNT_FACTOR,
        codes=factor.failures if factor else 0,
        last_code_at=factor.failed_at if factor else None,
    )
