"""Roles given to an account from a shell: what `appoint_admin` and `appoint_service` share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from shared.domain import users as rules
from shared.domain.errors import NotFound, Refusal
from shared.domain.permissions import Caller
from shared.runtime.clock import new_id
from shared.runtime.context import Context, deadline_in, running
from shared.store.tables import users
from shared.store.unit_of_work import UnitOfWork
from shared.telemetry import logs
from shared.writes.commit import commit


def committed(body: Callable[[UnitOfWork, str], rules.User], email: str) -> rules.User:
    """What the body makes of the account with this address, committed by the system itself."""
    context = Context("bootstrap", new_id("req"), deadline_in(30), caller=Caller.of_system())
    with running(context):
        return commit(body, rules.normal_email(email))


def give(unit: UnitOfWork, email: str, roles: tuple[str, ...]) -> rules.User:
    """Give the account these roles instead of its own; its sign-ins end. Raises NotFound."""
    before = users.by_email(unit, email)
    if before is None:
        raise NotFound("There is no account with this e-mail address: register it first.")
    user = rules.change(before, unit.now, roles=roles)
    unit.write(user)
    unit.audit(user.id, before={"roles": list(before.roles)}, after={"roles": list(user.roles)})
    return user


def main(file: str, arguments: list[str], appoint: Callable[[str], rules.User], says: str) -> int:
    """The command of a module: 0 when it is done, 1 when it was refused, 2 for other arguments."""
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
