"""Mail a link for choosing a new password. The answer is the same, and as slow, whether the address is known."""

from __future__ import annotations

from schemas.auth import RequestReset
from shared import mailing
from shared.identity.permissions import Caller
from shared.operation import PUBLIC, http


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
    mailing.password_reset(request.email)
