"""Let a program act for users: `python -m shared.ops.appoint_service <e-mail>`.

First register the account like any other; it creates API keys with the scopes that it needs. Administrators cannot
give this role, because one stolen credential of theirs would then be enough to spend everybody's funds.
"""

from __future__ import annotations

import sys

from shared.domain import users as rules
from shared.ops import appointment, command_line
from shared.store.unit_of_work import UnitOfWork

ROLES = ("service", "user")


def appoint(email: str) -> rules.User:
    """Give the account the role and end its sign-ins. Raises NotFound."""
    return appointment.committed("appoint_service", _appoint, email)


def _appoint(unit: UnitOfWork, email: str) -> rules.User:
    return appointment.give(unit, email, ROLES)


def main(arguments: list[str]) -> int:
    return appointment.main(__file__, arguments, appoint, "acts for users")


if __name__ == "__main__":
    sys.exit(command_line.run(main))
