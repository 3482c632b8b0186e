"""Give roles to an account from a shell; shared by `appoint_admin` and `appoint_service`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from shared.domain import users as rules
from shared.domain.errors import NotFound, Refusal
from shared.ops import command_line
from shared.store.tables import users
from shared.store.unit_of_work import UnitOfWork
from shared.telemetry import logs
from shared.writes.commit import commit

SECONDS: Final = 30.0


def committed(command: str, body: Callable[[UnitOfWork, str], rules.User], email: str) -> rules.User:
    """Run the body for the account with this address, as the system; returns its result."""
    with command_line.as_system(command, SECONDS):
        return commit(body, rules.normal_email(email))


def give(unit: UnitOfWork, email: str, roles: tuple[str, ...]) -> rules.User:
    """Replace the account's roles with these and end its sign-ins. Raises NotFound."""
    before = users.by_email(unit, email)
    if before is None:
        raise NotFound("There is no account with this e-mail address: register it first.")
    user = rules.change(before, unit.now, roles=roles)
    unit.write(user)
    unit.audit(user.id, before={"roles": list(before.roles)}, after={"roles": list(user.roles)})
    return user


def main(file: str, arguments: list[str], appoint: Callable[[str], rules.User], says: str) -> int:
    """Run a module's command: returns 0 if it succeeded, 1 if it was refused, 2 for wrong arguments."""
    logs.configure()
    if len(arguments) != 1:
        sys.stderr.write(f"usage: python -m shared.ops.{Path(file).stem} <e-mail>\n")
        return 2
    try:
        user = appoint(arguments[0])
    except Refusal as refusal:
        sys.stderr.write(f"{refusal.code}: {refusal.text}\n")
        return 1
    sys.stdout.write(f"{user.id} {says}; sign in again\n")
    return 0
