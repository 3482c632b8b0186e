"""Choose another password. Every other sign-in of the account ends; this one goes on as freshly proved."""

from __future__ import annotations

from dataclasses import replace

from schemas.auth import ChangePassword, User
from shared import resources
from shared.auth.sign_in_attempts import Attempt
from shared.domain import users as rules
from shared.domain.permissions import Caller
from shared.identity.errors import InvalidCredentials
from shared.identity.passwords import refuse_weak
from shared.runtime.operation import SELF, http
from shared.store.session import Session
from shared.store.tables.sign_ins import SESSIONS
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
    return commit(_change, caller, user.password_hash, resources.passwords().hash(new))


def _change(unit: UnitOfWork, caller: Caller, before: str | None, after: str) -> User:
    user, family = unit.read(USERS.get(caller.user_id), SESSIONS.find(caller.session_id))
    if user.password_hash != before:
        raise InvalidCredentials
    user = rules.change(user, unit.now, password_hash=after)
    unit.write(user)
    if family is not None and family.user_id == user.id:
        unit.write(
            replace(family, authenticated_at=unit.now, version=family.version + 1, updated_at=unit.now)
        )
    return User.of(user)
