"""Send a mail with a link to choose a new password.

The answer is the same, after the same time, whether or not the address has an account.
"""

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
