"""Check whether a caller may run an operation; one rule for HTTP requests and commands. The body decides which rows
the caller may access."""

from __future__ import annotations

from shared import resources
from shared.domain.permissions import Caller
from shared.identity import step_up
from shared.identity.errors import EmailUnverified
from shared.runtime.errors import Forbidden
from shared.runtime.operation import PUBLIC, SELF, HttpTrigger


def require(caller: Caller | None, trigger: HttpTrigger) -> None:
    """Raises Forbidden (403, `data.permission`) if the caller lacks the operation's permission, or is not a person
    where the operation requires one. Raises EmailUnverified if the operation requires a verified mailbox. The user of
    a command is checked together with the reads of its body (`shared.writes.session_check`)."""
    permission = trigger.permission
    if trigger.person and caller is not None:
        step_up.require_person(caller)
    unproven = caller is not None and not caller.email_verified
    if trigger.proven and unproven and resources.settings().require_verified_email:
        raise EmailUnverified
    if permission in (PUBLIC, SELF):
        return
    if caller is None or not caller.may(permission):
        raise Forbidden.lacks(permission)
