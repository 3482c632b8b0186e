"""Get the caller's own account and permissions.

An API key does not see the e-mail address, other personal data, or the second factors.
"""

from __future__ import annotations

from schemas.auth import Me
from shared import resources
from shared.domain.permissions import Caller
from shared.runtime.operation import SELF, http
from shared.store.session import Session
from shared.store.tables.sign_ins import FACTORS
from shared.store.tables.users import USERS


@http("GET", "/auth/me", permission=SELF, answer=Me)
def get_me(caller: Caller) -> Me:
    user, factor = Session(resources.database().snapshot()).read(
        USERS.get(caller.user_id), FACTORS.find(caller.user_id)
    )
    return Me.seen_by(caller, user, factor.kinds if factor else [])
