"""API keys: `wbk_<16 characters of the id>_<43 random characters><6 characters of checksum>`.

The prefix lets scanners find a leaked key. The checksum (CRC-32, no security) refuses a mistyped key without reading a
row. The secret has 256 random bits, so it is enough to store its SHA-256. The text is shown once.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib
from dataclasses import dataclass, field

from shared.identity.errors import InvalidApiKey

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_KEY = re.compile(r"wbk_([0-9A-Za-z]{16})_[0-9A-Za-z]{43}([0-9A-Za-z]{6})")
_NOBODY = bytes(32)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that a caller presented or that was just generated. Store `id`, `hash` and `hint`, never `text`."""

    id: str  # key_…
    text: str = field(repr=False)

    @classmethod
    def generate(cls) -> ApiKey:
        """Generate a random key. Call this before the transaction that stores its hash."""
        name, secret = _random(16), _random(43)
        body = f"wbk_{name}_{secret}"
        return cls(f"key_{name}", body + checksum_of(body))

    @classmethod
    def parse(cls, text: str) -> ApiKey:
        """Parse a presented key. Raises InvalidApiKey if it has another form or a wrong checksum."""
        match = _KEY.fullmatch(text)
        if match is None or checksum_of(text[:-6]) != match[2]:
            raise InvalidApiKey
        return cls(f"key_{match[1]}", text)

    @property
    def hash(self) -> bytes:
        """SHA-256 of the whole text, 32 bytes."""
        return hashlib.sha256(self.text.encode()).digest()

    @property
    def hint(self) -> str:
        """The part of the key that a list of keys may show."""
        return self.text[:12] + "…"

    def verify(self, stored: bytes | None) -> None:
        """Raises InvalidApiKey unless `stored` is this key's hash. None (no such row) takes the same time."""
        same = hmac.compare_digest(self.hash, stored if stored is not None else _NOBODY)
        if not same or stored is None:
            raise InvalidApiKey


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def checksum_of(body: str) -> str:
    """The six characters of the checksum: the CRC-32 of the rest of the key."""
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = _ALPHABET[digit] + digits
    return digits
