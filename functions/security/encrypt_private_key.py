"""Encrypt a private key as a keystore file (version 3, scrypt). It takes a second or two; 503 means to try again.

Nothing is stored.
"""

from __future__ import annotations

from schemas.security import EncryptedKey, EncryptKey
from shared.domain.permissions import Caller
from shared.keys import accounts, keystore
from shared.runtime.operation import http


@http(
    "POST",
    "/security/encrypt-private-key",
    permission="security:use",
    others="owner",
    request=EncryptKey,
    answer=EncryptedKey,
    idempotency="none",
    writes=False,
)
def encrypt_private_key(request: EncryptKey, caller: Caller) -> EncryptedKey:
    key = accounts.parse_private_key(request.private_key.get_secret_value())
    return EncryptedKey(encrypted_key=keystore.encrypt(key, request.passphrase.get_secret_value()))
