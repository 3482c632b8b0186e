"""Change the account's password.

All other sessions of the account end, and by default all its API keys. The current session continues and counts as
freshly authenticated.
"""

from __future__ import annotations

from dataclasses import replace

from schemas.auth import ChangePassword, User
from shared import resources
from shared.auth import credentials, notices
from shared.auth.sign_in_attempts import Attempt
from shared.domain import users as rules
from shared.domain.permissions import Caller
from shared.identity import step_up
from shared.identity.errors import InvalidCredentials
from shared.identity.passwords import refuse_weak
from shared.runtime.operation import SELF, http
from shared.store.session import Session
from shared.store.tables.sign_ins import SESSIONS, enrolled
from shared.store.tables.users import USERS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/auth/password",
    permission=SELF,
    person=True,
    request=ChangePassword,
    answer=User,
    idempotency="none",
    publishes=("account-events",),
)
def change_password(request: ChangePassword, caller: Caller) -> User:
    session = Session(resources.database().snapshot())
    user = session.one(USERS.get(caller.user_id))
    attempt = Attempt.on(user.email or user.id)
    attempt.check(*session.read(*attempt.queries))
    new = request.new.get_secret_value()
    refuse_weak(new, (user.email or "",), "new")
    if not resources.passwords().verify(request.current.get_secret_value(), user.password_hash):
        attempt.failed()
        raise InvalidCredentials
    after = resources.passwords().hash(new)
    return commit(_change, caller, user.password_hash, after, request.end_api_keys)


def _change(unit: UnitOfWork, caller: Caller, before: str | None, after: str, end_api_keys: bool) -> User:
    user, family, second = unit.read(
        USERS.get(caller.user_id), SESSIONS.find(caller.session_id), enrolled(caller.user_id)
    )
    if second:  # without a second factor, the current password is the proof
        step_up.require(caller, unit.now, enrolled=True)
    if user.password_hash != before:
        raise InvalidCredentials
    user = rules.change(user, unit.now, password_hash=after)
    unit.write(user)
    if end_api_keys:
        credentials.end_api_keys(unit, user.id)
    credentials.end_sessions(unit, user.id, keep=(caller.session_id,))
    if family is not None and family.user_id == user.id:
        unit.write(
            replace(family, authenticated_at=unit.now, version=family.version + 1, updated_at=unit.now)
        )
    notices.record(unit, user.id, "password_changed", **credentials.still_active(unit, user.id))
    unit.note(user.id)
    return User.of(user)
