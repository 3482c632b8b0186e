"""The caller's API keys, newest first; never the keys themselves."""

from __future__ import annotations

from schemas.auth import ApiKey, ApiKeyPage, ListApiKeys
from shared import listing
from shared.identity.permissions import Caller
from shared.operation import SELF, http
from shared.store.keys import API_KEYS_BY_USER


@http("GET", "/auth/api-keys", permission=SELF, request=ListApiKeys, answer=ApiKeyPage)
def list_api_keys(request: ListApiKeys, caller: Caller) -> ApiKeyPage:
    rows, cursor = listing.page(
        API_KEYS_BY_USER, [caller.user_id], limit=request.limit, cursor=request.cursor, filters={}
    )
    return ApiKeyPage(items=[ApiKey.of(row) for row in rows], next_cursor=cursor)
