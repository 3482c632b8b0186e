"""Appoint the first administrator of a deployment, once: `python -m shared.ops.appoint_admin <e-mail>`.

The account registers like any other first. Later administrators are appointed by this one (PUT /admin/users/{id}).
Whoever may run this already has the database; the row that it leaves makes a second run fail."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from shared.domain import users as rules
from shared.domain.errors import NotFound, Refusal
from shared.domain.permissions import Caller
from shared.ops import entrance
from shared.runtime.clock import new_id
from shared.runtime.context import Context, deadline_in, running
from shared.store.tables import users
from shared.store.tables.transactions import LEASES, Lease
from shared.store.unit_of_work import UnitOfWork
from shared.telemetry import logs
from shared.writes.commit import commit

ROLES = ("admin", "operator", "user")
MARK = "first-administrator"


class AlreadyAppointed(Refusal):
    code, message = "ALREADY_APPOINTED", "The first administrator was appointed before."


def appoint(email: str) -> rules.User:
    """Give the account the administrator's roles; its sign-ins end. Raises NotFound, AlreadyAppointed."""
    context = Context("bootstrap", new_id("req"), deadline_in(30), caller=Caller.of_system())
    with running(context):
        return commit(_appoint, rules.normal_email(email))


def _appoint(unit: UnitOfWork, email: str) -> rules.User:
    if unit.maybe(LEASES.find(MARK)) is not None:
        raise AlreadyAppointed
    user = users.by_email(unit, email)
    if user is None:
        raise NotFound("There is no account with this e-mail address: register it first.")
    unit.on_conflict(AlreadyAppointed())
    user = rules.change(user, unit.now, roles=ROLES)
    unit.write(user, Lease(MARK, user.id, datetime(9998, 1, 1, tzinfo=UTC), 1))
    return user


def main(arguments: list[str]) -> int:
    logs.configure()
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m shared.ops.appoint_admin <e-mail>\n")
        return 2
    try:
        user = appoint(arguments[0])
    except Refusal as refusal:
        sys.stderr.write(f"{refusal.code}: {refusal.text}\n")
        return 1
    sys.stdout.write(f"{user.id} is an administrator; sign in again\n")
    return 0


if __name__ == "__main__":
    sys.exit(entrance.run(main))
