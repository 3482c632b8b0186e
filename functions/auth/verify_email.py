"""Confirm with the token from the mail that somebody reads the account's mailbox."""

from __future__ import annotations

from schemas.auth import User, VerifyEmail
from shared import resources
from shared.domain import users as rules
from shared.domain.permissions import Caller
from shared.identity import mail_tokens
from shared.runtime.operation import PUBLIC, http
from shared.store.tables.users import USERS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http("POST", "/auth/email/verify", permission=PUBLIC, request=VerifyEmail, answer=User, idempotency="none")
def verify_email(request: VerifyEmail, caller: Caller | None) -> User:
    return commit(_verify, mail_tokens.MailToken.parse(request.token.get_secret_value()))


def _verify(unit: UnitOfWork, token: mail_tokens.MailToken) -> User:
    user = unit.maybe(USERS.find(token.user_id))
    mail_tokens.check(token, mail_tokens.VERIFY, user, unit.now, resources.settings().fingerprint_key)
    assert user is not None
    user = rules.change(user, unit.now, email_verified=True)
    unit.write(user)
    return User.of(user)
