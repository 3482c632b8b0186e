"""List the caller's passkeys with their names and dates."""

from __future__ import annotations

from schemas.second_factors import ListPasskeys, Passkey, PasskeyPage
from shared.domain.permissions import Caller
from shared.reads import pagination
from shared.runtime.operation import SELF, http
from shared.store.tables.sign_ins import PASSKEYS_BY_USER


@http("GET", "/auth/passkeys", permission=SELF, person=True, request=ListPasskeys, answer=PasskeyPage)
def list_passkeys(request: ListPasskeys, caller: Caller) -> PasskeyPage:
    rows, cursor = pagination.page(
        PASSKEYS_BY_USER, [caller.user_id], limit=request.limit, cursor=request.cursor, filters={}
    )
    return PasskeyPage(items=[Passkey.of(row) for row in rows], next_cursor=cursor)
