"""secp256k1: digests, signatures and recovery, through libsecp256k1 (coincurve).

Signatures are deterministic (RFC 6979) and have s ≤ n/2 (EIP-2); signatures with a larger s are always refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import coincurve
from eth_hash.auto import keccak

from shared.domain.errors import InvalidValue

ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141

__all__ = ["ORDER", "Signature", "keccak", "opened", "public_key_of", "recovered", "sign_digest"]


@dataclass(frozen=True, slots=True)
class Signature:
    """r and s in 1…n-1 with s ≤ n/2, and the parity of the ephemeral point's y (0 or 1)."""

    r: int
    s: int
    y_parity: int

    def __post_init__(self) -> None:
        if not (0 < self.r < ORDER and 0 < self.s <= ORDER // 2 and self.y_parity in (0, 1)):
            raise InvalidValue("signature", "r, s or v is out of range (EIP-2)")

    def to_bytes(self) -> bytes:
        """65 bytes r ‖ s ‖ v with v = 27 or 28, as wallets and `ecrecover` use them."""
        return self.r.to_bytes(32, "big") + self.s.to_bytes(32, "big") + bytes([27 + self.y_parity])

    @classmethod
    def from_bytes(cls, raw: bytes) -> Signature:
        """Read r ‖ s ‖ v with v in 0, 1, 27, 28. Raises InvalidValue for anything else."""
        if len(raw) != 65 or raw[64] not in (0, 1, 27, 28):
            raise InvalidValue("signature", "must have 65 bytes and v of 0, 1, 27 or 28")
        return cls(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big"), raw[64] % 27)


def opened(key: bytes) -> coincurve.PrivateKey:
    """A valid private key, ready for many signatures: creating this object takes longer than signing."""
    return coincurve.PrivateKey(key)


def sign_digest(key: coincurve.PrivateKey, digest: bytes) -> Signature:
    """Sign a 32-byte digest. Only for this package: signing raw digests would bypass every policy."""
    raw = key.sign_recoverable(digest, hasher=None)
    return Signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big"), raw[64])


def public_key_of(key: bytes) -> bytes:
    """The 64 bytes x ‖ y of the public key of a valid private key."""
    return coincurve.PrivateKey(key).public_key.format(compressed=False)[1:]


def recovered(digest: bytes, signature: Signature) -> bytes:
    """The 64-byte public key that made `signature` over `digest`. Raises InvalidValue if there is none."""
    raw = signature.r.to_bytes(32, "big") + signature.s.to_bytes(32, "big") + bytes([signature.y_parity])
    try:
        point = coincurve.PublicKey.from_signature_and_message(raw, digest, hasher=None)
    except Exception:  # coincurve raises a bare Exception if r is not on the curve
        raise InvalidValue("signature", "no key made this signature") from None
    return point.format(compressed=False)[1:]
