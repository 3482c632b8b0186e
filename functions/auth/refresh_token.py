"""Exchange a refresh token for a new access token and the next refresh token.

A refresh token can be used once. Using an older token of the same session again ends the session, because then two
parties hold it and one of them has stolen it.
"""

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
