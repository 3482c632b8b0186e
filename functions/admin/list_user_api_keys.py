"""List the API keys of one account, newest first, without the secret keys themselves."""

from __future__ import annotations

from schemas.api_keys import ApiKey
from schemas.user_access import ListUserApiKeys, UserApiKeyPage
from shared import resources
from shared.domain.permissions import Caller
from shared.reads import pagination
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.api_keys import API_KEYS_BY_USER
from shared.store.tables.users import USERS


@http(
    "GET",
    "/admin/users/{id}/api-keys",
    permission="admin:read",
    request=ListUserApiKeys,
    answer=UserApiKeyPage,
)
def list_user_api_keys(request: ListUserApiKeys, caller: Caller) -> UserApiKeyPage:
    Session(resources.database().snapshot()).one(USERS.get(request.id))
    rows, cursor = pagination.page(
        API_KEYS_BY_USER, [request.id], limit=request.limit, cursor=request.cursor, filters={}
    )
    return UserApiKeyPage(items=[ApiKey.of(row) for row in rows], next_cursor=cursor)
