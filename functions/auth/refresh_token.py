"""A new access token for a refresh token, which counts once: its successor comes with the answer.

Using an older token of the sign-in again ends the sign-in: one of two who hold it has stolen it."""

from __future__ import annotations

from schemas.auth import Refresh, Tokens
from shared.auth import sign_in
from shared.domain.permissions import Caller
from shared.runtime.operation import PUBLIC, http


@http(
    "POST",
    "/auth/refresh",
    permission=PUBLIC,
    request=Refresh,
    answer=Tokens,
    idempotency="none",
    needs=("issuer",),
)
def refresh_token(request: Refresh, caller: Caller | None) -> Tokens:
    return Tokens.of(sign_in.refreshed(request.refresh_token.get_secret_value()))
