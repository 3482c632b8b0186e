"""Create an API key with some of the owner's permissions.

The key is shown only in this answer and stored as a hash.
"""

from __future__ import annotations

from datetime import datetime

from schemas.api_keys import CreateApiKey, CreatedApiKey
from shared.auth import notices
from shared.domain.errors import InvalidValue, Refusal
from shared.domain.money import in_future
from shared.domain.permissions import Caller, scopes_of
from shared.identity import step_up
from shared.identity.api_keys import ApiKey
from shared.runtime.operation import SELF, http
from shared.store.tables.api_keys import API_KEYS_BY_USER, LIFETIME, MAX_LIFETIME, ApiKeyRow
from shared.store.tables.sign_ins import enrolled
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

MAX_API_KEYS = 50  # of one user


class TooManyApiKeys(Refusal):
    code, status, message = "TOO_MANY_API_KEYS", 409, "Delete an API key first: an account has at most 50."


@http(
    "POST",
    "/auth/api-keys",
    permission=SELF,
    proven=True,
    person=True,
    request=CreateApiKey,
    answer=CreatedApiKey,
    status=201,
    idempotency="none",
    publishes=("account-events",),
)
def create_api_key(request: CreateApiKey, caller: Caller) -> CreatedApiKey:
    held = scopes_of(caller.permissions)
    if not held.issuperset(request.scopes):
        raise InvalidValue(
            "scopes", "must be permissions that the caller holds; data.known lists them", known=sorted(held)
        )
    return commit(_create, request, caller, ApiKey.generate())


def _create(unit: UnitOfWork, request: CreateApiKey, caller: Caller, key: ApiKey) -> CreatedApiKey:
    keys, second = unit.read(
        API_KEYS_BY_USER.scan(caller.user_id, limit=MAX_API_KEYS), enrolled(caller.user_id)
    )
    step_up.require(caller, unit.now, enrolled=second)
    if len(keys) == MAX_API_KEYS:
        raise TooManyApiKeys
    row = ApiKeyRow(
        id=key.id,
        user_id=caller.user_id,
        name=request.name,
        scopes=tuple(sorted(set(request.scopes))),
        hash=key.hash,
        hint=key.hint,
        expires_at=_expiry(request.expires_at, unit.now),
        last_used_at=None,
        version=1,
        created_at=unit.now,
        updated_at=unit.now,
    )
    unit.write(row)
    assert row.expires_at is not None
    unit.audit(row.id, after={"scopes": list(row.scopes), "expires_at": row.expires_at.isoformat()})
    notices.record(unit, row.user_id, "api_key_created", api_key_id=row.id, name=row.name)
    return CreatedApiKey.of(row, key.text)


def _expiry(chosen: datetime | None, now: datetime) -> datetime:
    """The chosen or the default expiry. Raises InvalidValue if it has passed or is too far in the future."""
    end = in_future(chosen, now) or now + LIFETIME
    if end - now > MAX_LIFETIME:
        raise InvalidValue("expires_at", f"must be at most {MAX_LIFETIME.days} days from now")
    return end
