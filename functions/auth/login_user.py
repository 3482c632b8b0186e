"""Sign in with e-mail address and password, and with the second factor if the account has one.

The second factor is `otp` (a code of the authenticator app or a recovery code) or `passkey`. A wrong password and an
unknown address get the same answer, after the same time.
"""

from __future__ import annotations

from schemas.auth import Login, Tokens
from shared import resources
from shared.auth import second_factor, sign_in
from shared.auth.sign_in_attempts import Attempt
from shared.domain import users as rules
from shared.domain.errors import InvalidValue, Refusal
from shared.domain.permissions import Caller
from shared.identity.errors import InvalidCredentials
from shared.runtime.operation import PUBLIC, http
from shared.store.session import Session
from shared.store.tables import users


@http(
    "POST",
    "/auth/login",
    permission=PUBLIC,
    request=Login,
    answer=Tokens,
    idempotency="none",
    needs=("issuer", "signer"),
    publishes=("account-events",),
)
def login_user(request: Login, caller: Caller | None) -> Tokens:
    try:
        email = rules.normal_email(request.email)
    except InvalidValue:
        raise InvalidCredentials from None
    session = Session(resources.database().snapshot())
    attempt = Attempt.on(email)
    here, everywhere, entries = session.read(*attempt.queries, users.USERS_BY_EMAIL.scan(email, limit=1))
    attempt.check(here, everywhere)
    user = next(iter(session.follow(users.USERS, entries)), None)
    password = request.password.get_secret_value()
    if not resources.passwords().verify(password, user.password_hash if user else None) or user is None:
        attempt.failed()
        raise InvalidCredentials
    try:
        proof = second_factor.presented(user.id, request.otp, request.passkey)
    except Refusal:  # it reveals that the password was right, so only a caller who may still try gets it
        attempt.check(*Session(resources.database().snapshot()).read(*attempt.queries))
        raise
    return Tokens.of(sign_in.open_session(user, ("pwd",), attempt, proof))
