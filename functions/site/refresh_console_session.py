"""Get a new access token for the console by its cookie. Only the console's own page may call this."""

from __future__ import annotations

from schemas.auth import ConsoleSession
from shared.auth import console_session
from shared.domain.permissions import Caller
from shared.runtime.operation import PUBLIC, http


@http(
    "POST",
    "//console/session/refresh",
    permission=PUBLIC,
    answer=ConsoleSession,
    idempotency="none",
    needs=("issuer",),
)
def refresh_console_session(caller: Caller | None) -> ConsoleSession:
    console_session.require_own_page()
    return ConsoleSession.of(console_session.refreshed())
