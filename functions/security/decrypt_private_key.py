"""Decrypt a keystore file to its private key. It takes a second or two; 503 means to try again.

Nothing is stored. Files that would cost too much time or memory to decrypt are refused.
"""

from __future__ import annotations

from schemas.security import DecryptKey, PrivateKey
from shared.domain.permissions import Caller
from shared.keys import keystore
from shared.runtime.operation import http


@http(
    "POST",
    "/security/decrypt-private-key",
    permission="security:use",
    others="owner",
    request=DecryptKey,
    answer=PrivateKey,
    idempotency="none",
    writes=False,
)
def decrypt_private_key(request: DecryptKey, caller: Caller) -> PrivateKey:
    key = keystore.decrypt(request.encrypted_key, request.passphrase.get_secret_value(), "encrypted_key")
    return PrivateKey(private_key="0x" + key.hex())
