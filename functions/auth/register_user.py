"""Make an account for an e-mail address nobody uses yet; the password is kept as an argon2id hash only."""

from __future__ import annotations

from schemas.auth import Register, User
from shared import resources
from shared.auth import mails
from shared.domain import users as rules
from shared.domain.permissions import Caller
from shared.identity.passwords import refuse_weak
from shared.runtime.operation import PUBLIC, http
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

SERVICE = "web3 wallet backend"


@http(
    "POST",
    "/auth/register",
    permission=PUBLIC,
    request=Register,
    answer=User,
    status=201,
    idempotency="none",
    needs=("mail",),
)
def register_user(request: Register, caller: Caller | None) -> User:
    email = rules.normal_email(request.email)
    password = request.password.get_secret_value()
    refuse_weak(password, (email, SERVICE))
    user = commit(_register, email, resources.passwords().hash(password))
    mails.verification(user)
    return User.of(user)


def _register(unit: UnitOfWork, email: str, password_hash: str) -> rules.User:
    unit.on_conflict(rules.EmailTaken())
    user = rules.register(user_id=unit.new_id("usr"), now=unit.now, email=email, password_hash=password_hash)
    unit.write(user)
    return user
