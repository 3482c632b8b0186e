"""Get a nonce to sign in with a wallet (EIP-4361). It is valid for ten minutes and for one sign-in."""

from __future__ import annotations

from schemas.auth import Nonce
from shared import resources
from shared.domain.permissions import Caller
from shared.identity import siwe_nonces
from shared.runtime.operation import PUBLIC, http


@http("POST", "/auth/siwe/nonce", permission=PUBLIC, answer=Nonce, idempotency="none")
def issue_nonce(caller: Caller | None) -> Nonce:
    nonce, expires_at = siwe_nonces.issue(resources.clock().now(), resources.settings().fingerprint_key)
    return Nonce(nonce=nonce, expires_at=expires_at)
