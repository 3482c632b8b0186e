"""Signatures by Standard Webhooks: `v1` (HMAC-SHA256 with the secret) and `v1a` (Ed25519; the endpoint shows the
public key).

A secret's bytes contain both keys, one after the other. They are stored sealed and opened only to sign.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

BYTES: Final = 32  # of each of the two keys
PREFIX, PUBLIC_PREFIX = "whsec_", "whpk_"


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """The signing keys of one endpoint."""

    shared: bytes = field(repr=False)  # the owner has it, too
    private: bytes = field(repr=False)  # only the product has it

    @classmethod
    def generate(cls) -> SigningSecret:
        return cls(secrets.token_bytes(BYTES), secrets.token_bytes(BYTES))

    @classmethod
    def from_bytes(cls, raw: bytes) -> SigningSecret:
        """Split the bytes into the two keys. Raises ValueError."""
        if len(raw) != 2 * BYTES:
            raise ValueError("a signing secret has 64 bytes")
        return cls(raw[:BYTES], raw[BYTES:])

    def to_bytes(self) -> bytes:
        return self.shared + self.private

    @property
    def text(self) -> str:
        """The text that its owner sees, once: `whsec_…`."""
        return PREFIX + base64.b64encode(self.shared).decode()

    @property
    def public_key(self) -> str:
        """The public key, `whpk_…`; not secret."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        public = Ed25519PrivateKey.from_private_bytes(self.private).public_key().public_bytes_raw()
        return PUBLIC_PREFIX + base64.b64encode(public).decode()

    def signatures(self, signed: bytes) -> list[str]:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        symmetric = hmac.new(self.shared, signed, hashlib.sha256).digest()
        asymmetric = Ed25519PrivateKey.from_private_bytes(self.private).sign(signed)
        named = (("v1", symmetric), ("v1a", asymmetric))
        return [f"{version},{base64.b64encode(value).decode()}" for version, value in named]


def headers(signers: Sequence[SigningSecret], message_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """The three headers, signed with each of the valid secrets, newest first."""
    timestamp = str(int(now.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    found = [signature for signer in signers for signature in signer.signatures(signed)]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(found),
    }
