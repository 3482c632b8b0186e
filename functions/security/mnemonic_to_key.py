"""Derive the key pair at a path from a mnemonic. Nothing is stored."""

from __future__ import annotations

from schemas.security import KeyPair, MnemonicToKey
from shared.domain.permissions import Caller
from shared.keys import accounts, hd, mnemonic
from shared.runtime.operation import http


@http(
    "POST",
    "/security/mnemonic-to-private-key",
    permission="security:use",
    others="owner",
    request=MnemonicToKey,
    answer=KeyPair,
    idempotency="none",
    writes=False,
)
def mnemonic_to_key(request: MnemonicToKey, caller: Caller) -> KeyPair:
    seed = mnemonic.to_seed(request.mnemonic.get_secret_value())
    return KeyPair.of(accounts.key_pair(hd.derive(seed, hd.normalised_path(request.path, "path"))))
