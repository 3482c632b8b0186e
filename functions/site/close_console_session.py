"""Delete the console's session cookie. The session itself ends by `POST /auth/logout`."""

from __future__ import annotations

from shared.auth import console_session
from shared.domain.permissions import Caller
from shared.runtime.operation import PUBLIC, http


@http(
    "POST",
    "//console/session/close",
    permission=PUBLIC,
    status=204,
    idempotency="none",
    needs=("issuer",),
)
def close_console_session(caller: Caller | None) -> None:
    console_session.require_own_page()
    console_session.closed()
