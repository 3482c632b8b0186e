"""Get one account with its roles, tier and status.

Only administrators see its e-mail address.
"""

from __future__ import annotations

from schemas.auth import GetUser, User
from shared import resources
from shared.domain.permissions import Caller
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.users import USERS


@http("GET", "/admin/users/{id}", permission="admin:read", request=GetUser, answer=User)
def get_user(request: GetUser, caller: Caller) -> User:
    user = User.of(Session(resources.database().snapshot()).one(USERS.get(request.id)))
    return user if caller.may("admin:users") else user.model_copy(update={"email": None})
