"""People that exist before anybody registers: the operator of a local run."""

from __future__ import annotations

from shared import commit, resources
from shared.clock import new_id
from shared.context import Context, deadline_in, running
from shared.domain.users import User
from shared.identity.permissions import Caller
from shared.store.session import Session
from shared.store.unit import UnitOfWork
from shared.store.users import USERS, USERS_BY_EMAIL


def operator(email: str, password: str, roles: tuple[str, ...] = ("user", "operator", "admin")) -> None:
    """Make sure that this operator exists with this password and these roles."""
    from shared.identity import passwords

    context = Context("seed", new_id("req"), deadline_in(30), caller=Caller.of_system())
    with running(context):
        hashed = passwords.hash_password(password)
        session = Session(resources.database().snapshot())
        entries = session.one(USERS_BY_EMAIL.scan(email.lower(), limit=1))
        commit.commit(_operator, [str(entry["id"]) for entry in entries], email.lower(), hashed, roles)


def _operator(unit: UnitOfWork, known: list[str], email: str, hashed: str, roles: tuple[str, ...]) -> None:
    from dataclasses import replace

    if known:
        user = unit.one(USERS.get(known[0]))
        unit.write(replace(user, password_hash=hashed, roles=roles, version=user.version + 1, updated_at=unit.now))
    else:
        made = unit.now
        unit.write(User(unit.new_id("usr"), email, None, hashed, roles, "service", False, 1, made, made))
