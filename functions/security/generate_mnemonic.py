"""Generate a random BIP-39 mnemonic. Nothing is stored."""

from __future__ import annotations

from schemas.security import GenerateMnemonic, Mnemonic
from shared.domain.permissions import Caller
from shared.keys import mnemonic
from shared.runtime.operation import http


@http(
    "POST",
    "/security/generate-mnemonic",
    permission="security:use",
    others="owner",
    request=GenerateMnemonic,
    answer=Mnemonic,
    idempotency="none",
    writes=False,
)
def generate_mnemonic(request: GenerateMnemonic, caller: Caller) -> Mnemonic:
    return Mnemonic(mnemonic=mnemonic.generate(request.strength))
