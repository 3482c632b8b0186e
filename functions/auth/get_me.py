"""The caller's own account."""

from __future__ import annotations

from schemas.auth import User
from shared import resources
from shared.domain.permissions import Caller
from shared.runtime.operation import SELF, http
from shared.store.session import Session
from shared.store.tables.users import USERS


@http("GET", "/auth/me", permission=SELF, answer=User)
def get_me(caller: Caller) -> User:
    return User.of(Session(resources.database().snapshot()).one(USERS.get(caller.user_id)))
