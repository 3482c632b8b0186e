"""The public keys that verify access tokens (RFC 7517), the next one included before it signs."""

from __future__ import annotations

import json

from schemas.auth import Jwks
from shared import resources
from shared.http import Reply
from shared.identity.permissions import Caller
from shared.operation import PUBLIC, http

CACHE_SECONDS = 300


@http("GET", "//.well-known/jwks.json", permission=PUBLIC, shared=True, answer=Jwks)
def get_jwks(caller: Caller | None) -> Reply:
    body = json.dumps(resources.tokens().ring.jwks())
    return Reply(200, body, {"Cache-Control": f"public, max-age={CACHE_SECONDS}"})
