"""Mail a link for choosing a new password. The answer is the same, and as slow, whether the address is known."""

from __future__ import annotations

from schemas.auth import RequestReset
from shared.auth import mails
from shared.domain.permissions import Caller
from shared.runtime.operation import PUBLIC, http


@http(
    "POST",
    "/auth/password/reset-request",
    permission=PUBLIC,
    request=RequestReset,
    status=204,
    idempotency="none",
    needs=("mail",),
)
def request_reset(request: RequestReset, caller: Caller | None) -> None:
    mails.password_reset(request.email)
