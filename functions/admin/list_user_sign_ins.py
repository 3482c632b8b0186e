"""List the sign-ins of one account, newest first, and what failed recently.

Sign-ins that ended stay in the list until 31 days after they began. Only administrators see device and network.
"""

from __future__ import annotations

from schemas.user_access import FailedSignIns, ListUserSignIns, UserSignIn, UserSignInPage
from shared import resources
from shared.domain.permissions import Caller
from shared.domain.users import User
from shared.identity import lockout
from shared.reads import pagination
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.sign_ins import FACTORS, GUARDS, SESSIONS_BY_USER_TIME
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
    user = session.one(USERS.get(request.id))
    rows, cursor = pagination.page(
        SESSIONS_BY_USER_TIME, [user.id], limit=request.limit, cursor=request.cursor, filters={}
    )
    now, whole = resources.clock().now(), caller.may("admin:users")
    return UserSignInPage(
        items=[UserSignIn.of(row, user, now, whole=whole) for row in rows],
        next_cursor=cursor,
        failed=_failed(session, user),
    )


def _failed(session: Session, user: User) -> FailedSignIns:
    settings, now = resources.settings(), resources.clock().now()
    everywhere = lockout.guard_id(user.email or user.id, lockout.EVERYWHERE, settings.fingerprint_key)
    guard, factor = session.read(GUARDS.find(everywhere), FACTORS.find(user.id))
    passwords = guard.count(now) if guard else 0
    return FailedSignIns(
        passwords=passwords,
        passwords_since=guard.since if guard and passwords else None,
        waiting=passwords >= settings.sign_in_attempts * lockout.ACCOUNT_FACTOR,
        codes=factor.failures if factor else 0,
        last_code_at=factor.failed_at if factor else None,
    )
