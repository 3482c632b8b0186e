"""Remove the second factors of an account: `python -m shared.ops.remove_second_factors <e-mail>`.

For an owner who has lost them with all recovery codes, or whose account got one from a thief who knew the password: a
new password by mail does not remove it. First make sure who asks. All sign-ins and API keys end, and the owner is
notified; then the owner chooses a new password by mail. Administrators cannot do this over the API, because one stolen
credential of theirs would then open everybody's account to whoever reads the mailbox.
"""

from __future__ import annotations

import sys

from shared.auth import credentials, notices
from shared.domain import users as rules
from shared.domain.errors import NotFound
from shared.identity.errors import NoSecondFactor
from shared.ops import appointment, command_line
from shared.store.tables import users
from shared.store.unit_of_work import UnitOfWork


def remove(email: str) -> rules.User:
    """Remove all second factors of the account. Raises NotFound, NoSecondFactor."""
    return appointment.committed("remove_second_factors", _remove, email)


def _remove(unit: UnitOfWork, email: str) -> rules.User:
    user = users.by_email(unit, email)
    if user is None:
        raise NotFound("There is no account with this e-mail address.")
    kinds = credentials.end_second_factors(unit, user.id)
    if not kinds:
        raise NoSecondFactor("The account has no second factor: there is nothing to remove.")
    credentials.end_sessions(unit, user.id)
    credentials.end_api_keys(unit, user.id)
    unit.audit(user.id, removed_second_factors=kinds)
    for kind in kinds:
        notices.record(unit, user.id, "second_factor_removed", factor=kind)
    return user


def main(arguments: list[str]) -> int:
    return appointment.main(__file__, arguments, remove, "has no second factor any more")


if __name__ == "__main__":
    sys.exit(command_line.run(main))
