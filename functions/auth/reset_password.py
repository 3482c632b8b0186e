"""Choose a new password with the token from the mail.

The token proves that the caller reads the mailbox. All sessions and API keys of the account end. Webhooks
go on; the notice says how many.
"""

from __future__ import annotations

from datetime import datetime

from schemas.auth import ResetPassword, User
from shared import resources
from shared.auth import credentials, mailbox, notices
from shared.domain import users
from shared.domain.permissions import Caller
from shared.identity import mail_tokens
from shared.identity.passwords import refuse_weak
from shared.runtime.operation import PUBLIC, http
from shared.store.session import Session
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
    publishes=("account-events",),
)
def reset_password(request: ResetPassword, caller: Caller | None) -> User:
    password = request.password.get_secret_value()
    refuse_weak(password)
    token = mail_tokens.MailToken.parse(request.token.get_secret_value())
    user = Session(resources.database().snapshot()).maybe(USERS.find(token.user_id))
    _check(
        token, user, resources.clock().now()
    )  # before the expensive hash, because anybody can send a token
    return commit(_reset, token, resources.passwords().hash(password))


def _check(token: mail_tokens.MailToken, user: users.User | None, now: datetime) -> None:
    mail_tokens.check(token, mail_tokens.RESET, user, now, resources.settings().fingerprint_key)


def _reset(unit: UnitOfWork, token: mail_tokens.MailToken, password_hash: str) -> User:
    user = unit.maybe(USERS.find(token.user_id))
    _check(token, user, unit.now)
    assert user is not None
    proven = mailbox.prove(unit, user, password_hash)
    notices.record(unit, user.id, "password_changed", **credentials.still_active(unit, user.id))
    return User.of(proven)
