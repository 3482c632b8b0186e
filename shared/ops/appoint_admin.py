"""Appoint the first administrator of a deployment, once: `python -m shared.ops.appoint_admin <e-mail>`.

First register the account like any other. This administrator appoints later ones (PUT /admin/users/{id}). Whoever can
run this command has access to the database anyway; the row that it writes makes a second run fail.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from shared.domain import users as rules
from shared.domain.errors import Refusal
from shared.ops import appointment, command_line
from shared.store.tables.transactions import LEASES, Lease
from shared.store.unit_of_work import UnitOfWork

ROLES = ("admin", "operator", "user")
MARK = "first-administrator"


class AlreadyAppointed(Refusal):
    code, message = "ALREADY_APPOINTED", "The first administrator is already appointed."


def appoint(email: str) -> rules.User:
    """Give the account the administrator's roles and end its sign-ins. Raises NotFound, AlreadyAppointed."""
    return appointment.committed("appoint_admin", _appoint, email)


def _appoint(unit: UnitOfWork, email: str) -> rules.User:
    if unit.maybe(LEASES.find(MARK)) is not None:
        raise AlreadyAppointed
    unit.on_conflict(AlreadyAppointed())
    user = appointment.give(unit, email, ROLES)
    unit.write(Lease(MARK, user.id, datetime(9998, 1, 1, tzinfo=UTC), 1))
    return user


def main(arguments: list[str]) -> int:
    return appointment.main(__file__, arguments, appoint, "is an administrator")


if __name__ == "__main__":
    sys.exit(command_line.run(main))
