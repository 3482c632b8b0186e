"""Change the roles, the tier or the access of an account.

Disabling an account releases its open claims; settlements already in progress finish. The administrator must have a
second factor: in production this cannot be skipped. Administrators cannot change their own roles or disable
themselves, and cannot grant the `service` role, which may act for every user: that takes
`python -m shared.ops.appoint_service`.
"""

from __future__ import annotations

import logging
from typing import Any

from schemas.auth import UpdateUser, User
from schemas.base import given
from shared import resources
from shared.auth import administration, credentials
from shared.desk import endings
from shared.domain import users as rules
from shared.domain.desk import claims as claim_rules
from shared.domain.errors import Refusal
from shared.domain.permissions import Caller
from shared.runtime.errors import Forbidden
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables import claims
from shared.store.tables.claims import CLAIMS_LIVE_BY_USER
from shared.store.tables.users import USERS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

_log = logging.getLogger(__name__)


@http(
    "PUT",
    "/admin/users/{id}",
    permission="admin:users",
    person=True,
    request=UpdateUser,
    answer=User,
    publishes=("claim-events", "order-events", "supply-events"),
)
def update_user(request: UpdateUser, caller: Caller) -> User:
    session = Session(resources.database().snapshot())
    administration.require_step_up(session, caller)
    if request.id == caller.user_id:
        raise Forbidden("Another administrator has to change this account.")
    user = commit(_update, request)
    if user.disabled:
        for entry in session.many(CLAIMS_LIVE_BY_USER.scan(request.id)):
            _release(str(entry["claim_id"]))
    return User.of(user)


def _update(unit: UnitOfWork, request: UpdateUser) -> rules.User:
    user = unit.one(USERS.get(request.id))
    unit.match(user)
    changes = {
        name: value
        for name, value in given(request, "roles", "tier", "disabled").items()
        if value is not None
    }
    if "service" in changes.get("roles", ()) and "service" not in user.roles:
        raise Forbidden("Administrators do not appoint who acts for every user.")
    before = user
    user = rules.change(user, unit.now, **changes)
    unit.write(user)
    if user.sessions_after != before.sessions_after:
        credentials.forget_networks(unit, user.id)
    unit.audit(user.id, before=_rights(before), after=_rights(user))
    return user


def _rights(user: rules.User) -> dict[str, Any]:
    return {"roles": list(user.roles), "tier": user.tier, "disabled": user.disabled}


def _release(claim_id: str) -> None:
    """Release one claim in its own commit. If that is refused, the other claims are still released, and this claim's
    lease runs out."""
    try:
        commit(_end, claim_id)
    except Refusal as refusal:
        _log.info("a disabled user's claim stays", extra={"claim": claim_id, "code": refusal.code})


def _end(unit: UnitOfWork, claim_id: str) -> None:
    claim = unit.one(claims.by_id(claim_id))
    endings.end_claim(
        unit,
        "claim.released",
        claim.order_id,
        lambda order: claim_rules.release(claim, order, unit.now),
    )
