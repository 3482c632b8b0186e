"""Let a program act for users: `python -m shared.ops.appoint_service <e-mail>`.

The account registers like any other first, and makes API keys with the scopes that it needs. No administrator gives
this role: one credential of theirs would else be enough to spend what belongs to everybody."""

from __future__ import annotations

import sys

from shared.domain import users as rules
from shared.domain.errors import NotFound, Refusal
from shared.domain.permissions import Caller
from shared.ops import entrance
from shared.runtime.clock import new_id
from shared.runtime.context import Context, deadline_in, running
from shared.store.tables import users
from shared.store.unit_of_work import UnitOfWork
from shared.telemetry import logs
from shared.writes.commit import commit

ROLES = ("service", "user")


def appoint(email: str) -> rules.User:
    """Give the account the role; its sign-ins end. Raises NotFound."""
    context = Context("bootstrap", new_id("req"), deadline_in(30), caller=Caller.of_system())
    with running(context):
        return commit(_appoint, rules.normal_email(email))


def _appoint(unit: UnitOfWork, email: str) -> rules.User:
    before = users.by_email(unit, email)
    if before is None:
        raise NotFound("There is no account with this e-mail address: register it first.")
    user = rules.change(before, unit.now, roles=ROLES)
    unit.write(user)
    unit.audit(user.id, before={"roles": list(before.roles)}, after={"roles": list(user.roles)})
    return user


def main(arguments: list[str]) -> int:
    logs.configure()
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m shared.ops.appoint_service <e-mail>\n")
        return 2
    try:
        user = appoint(arguments[0])
    except Refusal as refusal:
        sys.stderr.write(f"{refusal.code}: {refusal.text}\n")
        return 1
    sys.stdout.write(f"{user.id} acts for users; sign in again\n")
    return 0


if __name__ == "__main__":
    sys.exit(entrance.run(main))
