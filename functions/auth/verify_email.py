"""Confirm the account's e-mail address with the token from the mail and the account's password.

Everything that was set up before the confirmation ends: sessions, API keys and second factors. Existing wallets are
marked as unproven.
"""

from __future__ import annotations

from schemas.auth import User, VerifyEmail
from shared import resources
from shared.auth import mailbox
from shared.auth.sign_in_attempts import Attempt
from shared.domain import users
from shared.domain.permissions import Caller
from shared.identity import mail_tokens
from shared.identity.errors import InvalidCredentials
from shared.runtime.operation import PUBLIC, http
from shared.store.session import Session
from shared.store.tables.users import USERS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/auth/email/verify",
    permission=PUBLIC,
    request=VerifyEmail,
    answer=User,
    idempotency="none",
    publishes=("account-events",),
)
def verify_email(request: VerifyEmail, caller: Caller | None) -> User:
    token = mail_tokens.MailToken.parse(request.token.get_secret_value())
    session = Session(resources.database().snapshot())
    user = session.maybe(USERS.find(token.user_id))
    _check(token, user)
    assert user is not None
    attempt = Attempt.on(user.email or user.id)
    attempt.check(*session.read(*attempt.queries))
    if not resources.passwords().verify(request.password.get_secret_value(), user.password_hash):
        attempt.failed()
        raise InvalidCredentials
    return commit(_verify, token, user.password_hash)


def _check(token: mail_tokens.MailToken, user: users.User | None) -> None:
    now, key = resources.clock().now(), resources.settings().fingerprint_key
    mail_tokens.check(token, mail_tokens.VERIFY, user, now, key)


def _verify(unit: UnitOfWork, token: mail_tokens.MailToken, password_hash: str | None) -> User:
    user = unit.maybe(USERS.find(token.user_id))
    mail_tokens.check(token, mail_tokens.VERIFY, user, unit.now, resources.settings().fingerprint_key)
    assert user is not None
    if user.password_hash != password_hash:
        raise InvalidCredentials
    return User.of(user if user.email_verified else mailbox.prove(unit, user))
