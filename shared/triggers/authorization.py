"""Whether a caller may run an operation: one rule for HTTP requests and commands. Whose rows, its body decides."""

from __future__ import annotations

from shared.domain.permissions import Caller
from shared.identity import step_up
from shared.runtime.errors import Forbidden
from shared.runtime.operation import PUBLIC, SELF


def require(caller: Caller | None, permission: str, *, person: bool = False) -> None:
    """Raises Forbidden (403, `data.permission`) unless the caller holds what the operation declares, and is a person
    where it asks for one."""
    if person and caller is not None:
        step_up.require_person(caller)
    if permission in (PUBLIC, SELF):
        return
    if caller is None or not caller.may(permission):
        raise Forbidden(permission=permission)
