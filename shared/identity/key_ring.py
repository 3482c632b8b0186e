"""The keys that sign access tokens (ES256, P-256), and how to rotate them without signing users out.

After each step of a rotation, wait until caches and instances have the new ring. `with_next` publishes a key,
`activated` signs with it, and `retired` drops the old private half while the last tokens that it signed (15 min) still
verify. In the end `without` removes the old key. The stored form is JSON: `{"active": "<kid>", "keys": ["<PEM, private
or public>", …]}`. A single private PEM is a ring with one key. A `kid` is the RFC 7638 thumbprint of the public key.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from shared.keys.errors import SecretUnusable
from shared.keys.secret_files import read_secret, replace_secret


@dataclass(frozen=True, slots=True)
class TokenKey:
    """One key pair; `private` is None if the key only verifies."""

    public: ec.EllipticCurvePublicKey = field(repr=False)
    private: ec.EllipticCurvePrivateKey | None = field(default=None, repr=False)

    @classmethod
    def generate(cls) -> TokenKey:
        private = ec.generate_private_key(ec.SECP256R1())
        return cls(private.public_key(), private)

    @property
    def kid(self) -> str:
        """The base64url SHA-256 of the JWK's required members (RFC 7638)."""
        members = json.dumps(self._point(), sort_keys=True, separators=(",", ":"))
        return _base64url(hashlib.sha256(members.encode()).digest())

    def jwk(self) -> dict[str, str]:
        """The public key as a JWK (RFC 7517)."""
        return {**self._point(), "kid": self.kid, "alg": "ES256", "use": "sig"}

    def to_pem(self) -> str:
        """The key as PEM: PKCS 8 (secret) if it has a private half, otherwise SubjectPublicKeyInfo."""
        if self.private is not None:
            return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @classmethod
    def from_pem(cls, pem: str) -> TokenKey:
        """Read a private or public key. Raises SecretUnusable if it is not a P-256 key."""
        try:
            if "PRIVATE KEY" in pem:
                private = load_pem_private_key(pem.encode(), password=None)
                if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(
                    private.curve, ec.SECP256R1
                ):
                    return cls(private.public_key(), private)
            else:
                public = load_pem_public_key(pem.encode())
                if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1):
                    return cls(public)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            pass
        raise SecretUnusable("a token key must be a P-256 key in PEM")

    def _point(self) -> dict[str, str]:
        numbers = self.public.public_numbers()
        x, y = (_base64url(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
        return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


@dataclass(frozen=True)
class KeyRing:
    """The keys of the deployment: the active key signs, every key verifies. Each rotation step returns a new ring."""

    active: str
    keys: Mapping[str, TokenKey] = field(repr=False)

    def __post_init__(self) -> None:
        if self.active not in self.keys:
            raise SecretUnusable("the active token key must be in the ring")

    @classmethod
    def generate(cls) -> KeyRing:
        key = TokenKey.generate()
        return cls(key.kid, {key.kid: key})

    @property
    def signing_key(self) -> ec.EllipticCurvePrivateKey:
        """The private half of the active key. Raises SecretUnusable if the ring only verifies."""
        private = self.keys[self.active].private
        if private is None:
            raise SecretUnusable("this ring has no private half of its active key: it only verifies")
        return private

    def verifying_key(self, kid: object) -> ec.EllipticCurvePublicKey | None:
        """The public key with this `kid`; None if it is not in the ring, or no longer."""
        key = self.keys.get(kid) if isinstance(kid, str) else None
        return key.public if key else None

    def jwks(self) -> dict[str, Any]:
        """The document of /.well-known/jwks.json: every verifying key."""
        return {"keys": [key.jwk() for key in self.keys.values()]}

    def with_next(self, key: TokenKey | None = None) -> KeyRing:
        """Add a key that is published and verifies, but does not sign yet."""
        key = key or TokenKey.generate()
        return replace(self, keys={**self.keys, key.kid: key})

    def activated(self, kid: str) -> KeyRing:
        """Sign with `kid` from now on. Raises SecretUnusable if the ring lacks its private half."""
        if kid not in self.keys or self.keys[kid].private is None:
            raise SecretUnusable("a key becomes active only with its private half")
        return replace(self, active=kid)

    def retired(self, kid: str) -> KeyRing:
        """Keep only the public half of `kid`. Raises SecretUnusable for the active key."""
        if kid == self.active:
            raise SecretUnusable("the active token key signs: activate another one first")
        return replace(self, keys={**self.keys, kid: TokenKey(self.keys[kid].public)})

    def without(self, kid: str) -> KeyRing:
        """Remove `kid`, so that its tokens are refused from now on. Raises SecretUnusable for the active key."""
        return replace(self, keys={name: key for name, key in self.keys.items() if name != kid})

    def verifying(self) -> KeyRing:
        """The same ring without private halves, for services that only verify tokens. It is not secret."""
        return replace(self, keys={name: TokenKey(key.public) for name, key in self.keys.items()})

    def to_text(self) -> str:
        """The JSON that `from_text` reads. Secret, unless the ring only verifies."""
        document = {"active": self.active, "keys": [key.to_pem() for key in self.keys.values()]}
        return json.dumps(document, indent=2) + "\n"

    @classmethod
    def from_text(cls, text: str) -> KeyRing:
        """Read the text of a file or an environment variable: the JSON, or a single private PEM.

        Raises SecretUnusable for any other text."""
        if text.lstrip().startswith("-----BEGIN"):
            key = TokenKey.from_pem(text)
            if key.private is None:
                raise SecretUnusable("a lone token key must be private")
            return cls(key.kid, {key.kid: key})
        try:
            document = json.loads(text)
            keys = [TokenKey.from_pem(pem) for pem in document["keys"]]
            return cls(document["active"], {key.kid: key for key in keys})
        except (ValueError, TypeError, KeyError, AttributeError):
            raise SecretUnusable("the token keys are not in the documented form") from None


def load_key_ring(path: Path, *, create: bool = False, owner_only: bool = True) -> KeyRing:
    """Load the ring from the file at `path`; `create` makes the file (0600) with a first key if it does not exist.

    `owner_only` refuses a file that other users can read; turn it off for a mounted secret, whose mode the platform
    sets. Raises SecretUnusable when the file is absent, readable by others or not a ring.
    """
    first = (lambda: KeyRing.generate().to_text()) if create else None
    return KeyRing.from_text(read_secret(path, first, owner_only=owner_only))


def save_key_ring(path: Path, ring: KeyRing) -> None:
    """Replace the file at `path` atomically (0600)."""
    replace_secret(path, ring.to_text())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
