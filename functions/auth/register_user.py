"""Create an account for an e-mail address. The password is stored as a hash only.

For an address that already has an account the answer is the same, after the same time, and the owner of the account
gets a mail: the caller cannot find out who has an account. Either way an event is committed, whose receiver,
`on_mail_requested`, sends the mail. An address gets only a few such mails in an hour.
"""

from __future__ import annotations

import time

from schemas.auth import Register, User
from shared import resources
from shared.auth import answer_time, mail_budget, mail_requests
from shared.domain import users as rules
from shared.domain.permissions import Caller
from shared.identity.passwords import refuse_weak
from shared.runtime.clock import new_id
from shared.runtime.operation import PUBLIC, http
from shared.store.session import Session
from shared.store.tables import users
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
    location="/auth/me",
    idempotency="none",
    publishes=("account-events",),
)
def register_user(request: Register, caller: Caller | None) -> User:
    started = time.monotonic()
    email = rules.normal_email(request.email)
    password = request.password.get_secret_value()
    refuse_weak(password, (email, SERVICE))
    hashed = resources.passwords().hash(password)
    mailed = mail_budget.take("registration", email)
    try:
        user = commit(_register, email, hashed, mailed)
    except rules.EmailTaken:
        user = rules.register(user_id=new_id("usr"), now=resources.clock().now(), email=email)
        owner = users.by_email(Session(resources.database().snapshot()), email)
        if mailed and owner is not None:
            commit(mail_requests.request, "registered_again", owner.id)
    answer_time.equalise(started)
    return User.of(user)


def _register(unit: UnitOfWork, email: str, password_hash: str, mailed: bool) -> rules.User:
    unit.on_conflict(rules.EmailTaken())
    user = rules.register(user_id=unit.new_id("usr"), now=unit.now, email=email, password_hash=password_hash)
    unit.write(user)
    if mailed:
        mail_requests.request(unit, "verification", user.id)
    return user
