"""List the caller's API keys, newest first, without the secret keys themselves."""

from __future__ import annotations

from schemas.api_keys import ApiKey, ApiKeyPage, ListApiKeys
from shared.domain.permissions import Caller
from shared.reads import pagination
from shared.runtime.operation import SELF, http
from shared.store.tables.api_keys import API_KEYS_BY_USER


@http("GET", "/auth/api-keys", permission=SELF, person=True, request=ListApiKeys, answer=ApiKeyPage)
def list_api_keys(request: ListApiKeys, caller: Caller) -> ApiKeyPage:
    rows, cursor = pagination.page(
        API_KEYS_BY_USER, [caller.user_id], limit=request.limit, cursor=request.cursor, filters={}
    )
    return ApiKeyPage(items=[ApiKey.of(row) for row in rows], next_cursor=cursor)
