"""List all accounts, newest first."""

from __future__ import annotations

from schemas.auth import ListUsers, User, UserPage
from shared import resources
from shared.domain.permissions import Caller
from shared.reads import pagination
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.users import USER_SHARDS, USERS, USERS_BY_TIME


@http("GET", "/admin/users", permission="admin:users", request=ListUsers, answer=UserPage)
def list_users(request: ListUsers, caller: Caller) -> UserPage:
    entries, cursor = pagination.page_over_shards(
        USER_SHARDS,
        lambda shard, after, limit: USERS_BY_TIME.scan(shard, after=after, limit=limit),
        lambda entry: (entry["created_at"], entry["id"]),
        limit=request.limit,
        cursor=request.cursor,
        binding=["users"],
    )
    users = Session(resources.database().snapshot()).follow(USERS, entries)
    return UserPage(items=[User.of(user) for user in users], next_cursor=cursor)
