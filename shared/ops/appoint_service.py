"""Let a program act for users: `python -m shared.ops.appoint_service <e-mail>`.

The account registers like any other first, and makes API keys with the scopes that it needs. No administrator gives
this role: one credential of theirs would else be enough to spend what belongs to everybody."""

from __future__ import annotations

import sys

from shared.domain import users as rules
from shared.ops import appointment, command_line
from shared.store.unit_of_work import UnitOfWork

ROLES = ("service", "user")


def appoint(email: str) -> rules.User:
    """Give the account the role; its sign-ins end. Raises NotFound."""
    return appointment.committed(_appoint, email)


def _appoint(unit: UnitOfWork, email: str) -> rules.User:
    return appointment.give(unit, email, ROLES)


def main(arguments: list[str]) -> int:
    return appointment.main(__file__, arguments, appoint, "acts for users")


if __name__ == "__main__":
    sys.exit(command_line.run(main))
