"""Get the public keys that verify access tokens (RFC 7517), including the next key before it is used."""

from __future__ import annotations

import json

from schemas.auth import Jwks
from shared import resources
from shared.domain.permissions import Caller
from shared.runtime.operation import PUBLIC, http
from shared.triggers.reply import Reply

CACHE_SECONDS = 300


@http("GET", "//.well-known/jwks.json", permission=PUBLIC, shared=True, answer=Jwks)
def get_jwks(caller: Caller | None) -> Reply:
    body = json.dumps(resources.tokens().ring.jwks())
    return Reply(200, body, {"Cache-Control": f"public, max-age={CACHE_SECONDS}"})
