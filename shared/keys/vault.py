"""The vault's interface, the binding of a secret, and the stored format of a sealed secret.

Envelope encryption: a new data key per seal encrypts the secret, and a master key encrypts the data key. Both layers
have the binding as associated data, so that a ciphertext moved to another tenant, wallet, purpose or key version does
not open. Only functions declared as signers call `open`; nothing else has the right to decrypt.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from shared.keys.errors import SealBroken

FORMAT_VERSION = 1
MAX_SEALED_BYTES = 16_384
MAX_SECRET_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Binding:
    """Who owns a secret and what it is for. `key_version` counts re-imports and rotations of the secret, from 1."""

    tenant: str
    wallet_id: str
    purpose: str  # seed, private_key, totp, …
    key_version: int

    def __post_init__(self) -> None:
        if not (self.tenant and self.wallet_id and self.purpose) or self.key_version < 1:
            raise ValueError("a binding names a tenant, a wallet, a purpose and a version from 1")

    def to_bytes(self) -> bytes:
        """An unambiguous encoding: every field is preceded by its length."""
        names = (self.tenant.encode(), self.wallet_id.encode(), self.purpose.encode())
        return packed((*names, struct.pack(">Q", self.key_version)))


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A secret under two layers of encryption. `to_bytes` fits one BYTES column; no field is secret by itself."""

    master_key_id: str
    wrap_nonce: bytes = field(repr=False)  # empty if the key service chooses its own
    wrapped_key: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)
    version: int = FORMAT_VERSION

    def to_bytes(self) -> bytes:
        """The version byte and the fields, each preceded by its length (16 bits, big-endian)."""
        fields = (self.master_key_id.encode(), self.wrap_nonce, self.wrapped_key, self.nonce, self.ciphertext)
        return bytes([self.version]) + packed(fields)

    @classmethod
    def from_bytes(cls, stored: bytes) -> SealedKey:
        """The inverse of `to_bytes`. Raises SealBroken for other versions, truncation and trailing bytes."""
        if not stored or stored[0] != FORMAT_VERSION:
            raise SealBroken("a sealed secret has an unknown format version")
        fields = _unpacked(stored[1:])
        if len(stored) > MAX_SEALED_BYTES or len(fields) != 5:
            raise SealBroken("a sealed secret does not have its five fields")
        try:
            master = fields[0].decode("ascii")
        except UnicodeDecodeError:
            raise SealBroken("a sealed secret names no master key") from None
        return cls(master, fields[1], fields[2], fields[3], fields[4])


class KeyVault(Protocol):
    """Seals and opens secrets. Both may raise VaultUnavailable (503) if a key service does not answer."""

    def seal(self, secret: bytes, binding: Binding) -> SealedKey:
        """Encrypt `secret` (1 to 4,096 bytes) under a fresh data key and the active master key."""
        ...

    def open(self, sealed: SealedKey, binding: Binding) -> bytes:
        """The secret. Raises SealBroken unless it is what was sealed for `binding`, MasterKeyMissing."""
        ...

    def is_current(self, sealed: SealedKey) -> bool:
        """False if `sealed` is under a master key that is no longer the active one."""
        ...


def reseal(vault: KeyVault, sealed: SealedKey, binding: Binding) -> SealedKey | None:
    """`sealed` under the active master key with a new data key; None if it is already under the active one.

    This is one step of a rotation. Repeating it is harmless, and old and new seals both open, so a rotation can be
    interrupted at any point and resumed."""
    if vault.is_current(sealed):
        return None
    return vault.seal(vault.open(sealed, binding), binding)


def packed(fields: Iterable[bytes]) -> bytes:
    """The fields, each preceded by its length in 16 bits. Raises ValueError for a longer field."""
    parts: list[bytes] = []
    for part in fields:
        if len(part) > 0xFFFF:
            raise ValueError("a field has at most 65,535 bytes")
        parts += (struct.pack(">H", len(part)), part)
    return b"".join(parts)


def _unpacked(data: bytes) -> list[bytes]:
    fields, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or end > len(data):
            raise SealBroken("a sealed secret is truncated")
        fields.append(data[at + 2 : end])
        at = end
    return fields
