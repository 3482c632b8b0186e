"""Whether a caller may run an operation; one rule for HTTP requests and commands. Which rows it may touch, the body
decides.
"""

from __future__ import annotations

from shared import resources
from shared.domain.permissions import Caller
from shared.identity import step_up
from shared.identity.errors import EmailUnverified
from shared.runtime.errors import Forbidden
from shared.runtime.operation import PUBLIC, SELF, HttpTrigger


def require(caller: Caller | None, trigger: HttpTrigger) -> None:
    """Raises Forbidden (403, `data.permission`) unless the caller holds what the operation declares, and is a person
    where it asks for one; EmailUnverified where it asks for a proven mailbox. A command's user is looked at along with
    what its body reads (`shared.writes.session_check`)."""
    permission = trigger.permission
    if trigger.person and caller is not None:
        step_up.require_person(caller)
    unproven = caller is not None and not caller.email_verified
    if trigger.proven and unproven and resources.settings().require_verified_email:
        raise EmailUnverified
    if permission in (PUBLIC, SELF):
        return
    if caller is None or not caller.may(permission):
        raise Forbidden(permission=permission)
