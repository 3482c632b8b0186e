"""The two layers of AES-256-GCM that the vaults share (NIST SP 800-38D; 96-bit nonces, 128-bit tags).

A data key encrypts exactly one secret, so its random nonce cannot repeat. A master key wraps one data key per seal
with a random nonce: rotate it before 2^32 seals (SP 800-38D §8.3). The associated data of both layers starts with a
label of the layer and the format version, so that no layer or version can be substituted for another.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.keys.errors import SealBroken
from shared.keys.vault import MAX_SECRET_BYTES, Binding, SealedKey, packed

KEY_BYTES = 32
NONCE_BYTES = 12


def new_data_key() -> bytes:
    """A new data key: 32 random bytes."""
    return secrets.token_bytes(KEY_BYTES)


def wrap_context(master: str, binding: Binding) -> bytes:
    """Associated data of the layer that wraps a data key under the master key named `master`."""
    return packed((b"wallet-vault/1/wrap", master.encode(), binding.to_bytes()))


def encrypted(secret: bytes, data_key: bytes, wrapped: SealedKey, binding: Binding) -> SealedKey:
    """`wrapped` (master key id, wrapped data key) completed with the secret's ciphertext. Raises ValueError."""
    if not 0 < len(secret) <= MAX_SECRET_BYTES:
        raise ValueError(f"a secret has 1 to {MAX_SECRET_BYTES} bytes")
    sealed = replace(wrapped, nonce=secrets.token_bytes(NONCE_BYTES))
    ciphertext = AESGCM(data_key).encrypt(sealed.nonce, secret, _data_context(sealed, binding))
    return replace(sealed, ciphertext=ciphertext)


def decrypted(sealed: SealedKey, data_key: bytes, binding: Binding) -> bytes:
    """The secret. Raises SealBroken if anything in `sealed` or `binding` differs from what was sealed."""
    return unlocked(data_key, sealed.nonce, sealed.ciphertext, _data_context(sealed, binding))


def unlocked(key: bytes, nonce: bytes, ciphertext: bytes, context: bytes) -> bytes:
    """One authenticated decryption. Raises SealBroken, which does not reveal what was tried."""
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, context)
    except (InvalidTag, ValueError):
        raise SealBroken("a sealed secret was changed or belongs to another wallet") from None


def _data_context(sealed: SealedKey, binding: Binding) -> bytes:
    """Associated data that binds the secret to its whole header too, so that no part of a stored row can be exchanged
    alone."""
    header = (sealed.master_key_id.encode(), sealed.wrap_nonce, sealed.wrapped_key)
    return packed((b"wallet-vault/1/data", *header, binding.to_bytes()))
