"""Choose a new password with the token from the mail. Every sign-in of the account ends."""

from __future__ import annotations

from schemas.auth import ResetPassword, User
from shared import resources
from shared.domain import users as rules
from shared.domain.permissions import Caller
from shared.identity import mail_tokens
from shared.identity.passwords import refuse_weak
from shared.runtime.operation import PUBLIC, http
from shared.store.tables.users import USERS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/auth/password/reset",
    permission=PUBLIC,
    request=ResetPassword,
    answer=User,
    idempotency="none",
)
def reset_password(request: ResetPassword, caller: Caller | None) -> User:
    password = request.password.get_secret_value()
    refuse_weak(password)
    token = mail_tokens.MailToken.parse(request.token.get_secret_value())
    return commit(_reset, token, resources.passwords().hash(password))


def _reset(unit: UnitOfWork, token: mail_tokens.MailToken, password_hash: str) -> User:
    user = unit.maybe(USERS.find(token.user_id))
    mail_tokens.check(token, mail_tokens.RESET, user, unit.now, resources.settings().fingerprint_key)
    assert user is not None
    user = rules.change(user, unit.now, password_hash=password_hash, email_verified=True)
    unit.write(user)
    return User.of(user)
