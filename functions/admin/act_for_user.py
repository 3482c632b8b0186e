"""Get a token to act for one user for a few minutes (emergency access). It cannot export keys.

Needs an administrator who proved a second factor in the last five minutes, and a reason. The user is notified at once,
and the audit log names the administrator and the user in every row written with the token.
"""

from __future__ import annotations

from schemas.auth import ActForUser, Acting
from shared import resources
from shared.auth import notices
from shared.domain.errors import InvalidValue, NotFound
from shared.domain.permissions import Caller
from shared.domain.users import User
from shared.identity import step_up
from shared.runtime.operation import http
from shared.store.tables.users import USERS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/admin/act",
    permission="admin:act",
    person=True,
    request=ActForUser,
    answer=Acting,
    status=201,
    idempotency="none",
    needs=("issuer",),
    publishes=("account-events",),
)
def act_for_user(request: ActForUser, caller: Caller) -> Acting:
    step_up.require(caller, resources.clock().now(), enrolled=True)
    if request.user_id == caller.user_id:
        raise InvalidValue("user_id", "must be another user's")
    admin = commit(_note, request, caller)
    from shared.auth import sign_in

    token, expires_at = sign_in.acting_token(admin, caller, request.user_id)
    return Acting(user_id=request.user_id, reason=request.reason, token=token, expires_at=expires_at)


def _note(unit: UnitOfWork, request: ActForUser, caller: Caller) -> User:
    """Audit the access, notify the user, and return the administrator. Raises NotFound if the account does not exist or
    is disabled or deleted."""
    admin, user = unit.read(USERS.get(caller.user_id), USERS.get(request.user_id))
    if user.disabled or "admin" not in admin.roles:
        raise NotFound
    unit.audit(user.id, reason=request.reason)
    notices.record(unit, user.id, "acted_for", reason=request.reason)
    return admin
