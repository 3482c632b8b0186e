"""Hierarchical deterministic keys: BIP-32 private derivation and BIP-44 paths of Ethereum wallets.

The default path of account i is m/44'/60'/0'/0/i, like MetaMask and Ledger Live's legacy scheme. The path is stored
with the derived address, so that a wallet still finds its key if the default ever changes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field

import coincurve

from shared.domain.errors import InvalidValue
from shared.keys import curve

HARDENED = 0x8000_0000
MAX_DEPTH = 10  # BIP-32 allows 255; wallets use 3 to 6

_PATH = re.compile(r"m(?:/(?:0|[1-9][0-9]{0,9})['hH]?)+")


@dataclass(frozen=True, slots=True)
class ExtendedKey:
    """A private key and the chain code that derives its children. Both are secret."""

    key: bytes = field(repr=False)
    chain_code: bytes = field(repr=False)

    @classmethod
    def of_seed(cls, seed: bytes) -> ExtendedKey:
        """The master key m. Raises InvalidValue unless the seed has 16 to 64 bytes and gives a valid key."""
        if not 16 <= len(seed) <= 64:
            raise InvalidValue("seed", "must have 16 to 64 bytes")
        return cls._checked(hmac.digest(b"Bitcoin seed", seed, hashlib.sha512), 0)

    def child(self, index: int) -> ExtendedKey:
        """The child key at an index (CKDpriv of BIP-32), hardened from 2^31 on. Raises InvalidValue if the index has no
        key (1 in 2^127)."""
        data = b"\0" + self.key if index >= HARDENED else coincurve.PrivateKey(self.key).public_key.format()
        digest = hmac.digest(self.chain_code, data + index.to_bytes(4, "big"), hashlib.sha512)
        return self._checked(digest, int.from_bytes(self.key, "big"))

    @classmethod
    def _checked(cls, digest: bytes, parent: int) -> ExtendedKey:
        tweak = int.from_bytes(digest[:32], "big")
        key = (tweak + parent) % curve.ORDER
        if tweak >= curve.ORDER or key == 0:
            raise InvalidValue("derivation_path", "has no key at this index; use the next one")
        return cls(key.to_bytes(32, "big"), digest[32:])


def parse_path(path: str, field_name: str = "derivation_path") -> tuple[int, ...]:
    """The indexes of a path such as m/44'/60'/0'/0/0; ' and h mark hardened steps. Raises InvalidValue."""
    if len(path) > 12 * (MAX_DEPTH + 1) or not _PATH.fullmatch(path):
        raise InvalidValue(field_name, "must look like m/44'/60'/0'/0/0")
    steps = path.split("/")[1:]
    numbers = [(int(step.rstrip("'hH")), step[-1] in "'hH") for step in steps]
    if len(steps) > MAX_DEPTH or any(number >= HARDENED for number, _ in numbers):
        raise InvalidValue(field_name, f"must have at most {MAX_DEPTH} steps, each below 2147483648")
    return tuple(number + HARDENED if hardened else number for number, hardened in numbers)


def normalised_path(path: str, field_name: str = "derivation_path") -> str:
    """The same path with ' for hardened steps, the form that is stored and compared. Raises InvalidValue."""
    steps = (f"{i - HARDENED}'" if i >= HARDENED else str(i) for i in parse_path(path, field_name))
    return "/".join(("m", *steps))


def derive(seed: bytes, path: str) -> bytes:
    """The private key at `path` below the master key of `seed`; about 0.1 ms. Raises InvalidValue."""
    node = ExtendedKey.of_seed(seed)
    for index in parse_path(path):
        node = node.child(index)
    return node.key
