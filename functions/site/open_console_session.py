"""Open a console session: move the refresh token into a cookie that scripts cannot read."""

from __future__ import annotations

from schemas.auth import ConsoleSession, Refresh
from shared.auth import console_session
from shared.domain.permissions import Caller
from shared.runtime.operation import PUBLIC, http


@http(
    "POST",
    "//console/session/open",
    permission=PUBLIC,
    request=Refresh,
    answer=ConsoleSession,
    idempotency="none",
    needs=("issuer",),
)
def open_console_session(request: Refresh, caller: Caller | None) -> ConsoleSession:
    console_session.require_own_page()
    return ConsoleSession.of(console_session.opened(request.refresh_token.get_secret_value()))
