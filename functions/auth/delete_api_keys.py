"""Revoke all API keys of the caller at once."""

from __future__ import annotations

from shared.auth import credentials
from shared.domain.permissions import Caller
from shared.runtime.operation import SELF, http
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http("DELETE", "/auth/api-keys", permission=SELF, person=True, status=204, publishes=("account-events",))
def delete_api_keys(caller: Caller) -> None:
    commit(_delete, caller.user_id)


def _delete(unit: UnitOfWork, user_id: str) -> None:
    credentials.end_api_keys(unit, user_id)
