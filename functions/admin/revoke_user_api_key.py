"""Revoke an API key of an account at once, with a reason. Its owner is notified.

The administrator must have a second factor: in production this cannot be skipped.
"""

from __future__ import annotations

from schemas.user_access import RevokeUserApiKey
from shared import resources
from shared.auth import administration, notices
from shared.domain.errors import NotFound
from shared.domain.permissions import Caller
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.api_keys import API_KEYS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/admin/users/{id}/api-keys/{api_key_id}/revoke",
    permission="admin:users",
    person=True,
    request=RevokeUserApiKey,
    status=204,
    publishes=("account-events",),
)
def revoke_user_api_key(request: RevokeUserApiKey, caller: Caller) -> None:
    administration.require_step_up(Session(resources.database().snapshot()), caller)
    commit(_revoke, request)


def _revoke(unit: UnitOfWork, request: RevokeUserApiKey) -> None:
    row = unit.one(API_KEYS.get(request.api_key_id))
    if row.user_id != request.id:
        raise NotFound
    unit.delete(row)
    unit.audit(row.id, user_id=row.user_id, reason=request.reason)
    notices.record(unit, row.user_id, "api_keys_ended", count="1", api_key_id=row.id, reason=request.reason)
