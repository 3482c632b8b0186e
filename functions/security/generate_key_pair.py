"""Generate a random key pair for an EVM chain. Nothing is stored."""

from __future__ import annotations

from schemas.security import GenerateKeyPair, KeyPair
from shared import resources
from shared.domain.permissions import Caller
from shared.keys import accounts
from shared.runtime.operation import http


@http(
    "POST",
    "/security/generate-key-pair",
    permission="security:use",
    others="owner",
    request=GenerateKeyPair,
    answer=KeyPair,
    idempotency="none",
    writes=False,
)
def generate_key_pair(request: GenerateKeyPair, caller: Caller) -> KeyPair:
    resources.registry().chain(request.chain or resources.settings().default_chain)
    return KeyPair.of(accounts.key_pair(accounts.generate_key()))
