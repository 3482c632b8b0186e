"""Revoke an API key at once.

An API key may revoke itself, but no other key.
"""

from __future__ import annotations

from schemas.api_keys import DeleteApiKey
from shared.domain.errors import NotFound
from shared.domain.permissions import Caller
from shared.identity.step_up import require_person
from shared.runtime.operation import SELF, http
from shared.store.tables.api_keys import API_KEYS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http("DELETE", "/auth/api-keys/{api_key_id}", permission=SELF, request=DeleteApiKey, status=204)
def delete_api_key(request: DeleteApiKey, caller: Caller) -> None:
    if request.api_key_id != caller.session_id:
        require_person(caller)
    commit(_delete, request.api_key_id, caller)


def _delete(unit: UnitOfWork, api_key_id: str, caller: Caller) -> None:
    row = unit.one(API_KEYS.get(api_key_id))
    if row.user_id != caller.user_id:
        raise NotFound
    unit.note(row.id)
    unit.delete(row)
