"""The account that exists before anybody registers: the operator of a local run."""

from __future__ import annotations

from shared import resources
from shared.domain import users as rules
from shared.ops import command_line
from shared.store.tables import users
from shared.store.unit_of_work import UnitOfWork
from shared.writes import commit


def operator(email: str, password: str, roles: tuple[str, ...] = ("user", "operator", "admin")) -> None:
    """Make sure that this operator exists with this password and these roles.

    Raises InvalidValue if `email` is not an e-mail address."""
    with command_line.as_system("seed", 30.0):
        commit.commit(_operator, rules.normal_email(email), resources.passwords().hash(password), roles)


def _operator(unit: UnitOfWork, email: str, hashed: str, roles: tuple[str, ...]) -> None:
    user = users.by_email(unit, email)
    if user is None:
        identity = unit.new_id("usr")
        user = rules.register(
            user_id=identity, now=unit.now, email=email, password_hash=hashed, roles=roles, tier="service"
        )
    unit.write(
        rules.change(user, unit.now, roles=roles, password_hash=hashed, disabled=False, email_verified=True)
    )
