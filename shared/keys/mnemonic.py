"""BIP-39 mnemonics in English: random words with a checksum, and the seed that wallets derive from them.

Words are compared after NFKD, in lower case and with single spaces, as people type and paste them. Refusals
say which word is wrong by its position, never by repeating it.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from functools import cache
from pathlib import Path

from shared.domain.errors import InvalidValue

STRENGTHS = (128, 160, 192, 224, 256)  # bits of entropy: 12, 15, 18, 21 and 24 words
SEED_ROUNDS = 2048  # of PBKDF2-HMAC-SHA512


def generate(strength: int = 128) -> str:
    """A new mnemonic of `strength` bits from the operating system's generator. Raises InvalidValue."""
    if strength not in STRENGTHS:
        raise InvalidValue("strength", "must be 128, 160, 192, 224 or 256 bits")
    return from_entropy(secrets.token_bytes(strength // 8))


def from_entropy(entropy: bytes) -> str:
    """The words for 16, 20, 24, 28 or 32 bytes: 11 bits each, the last with the checksum.

    Raises InvalidValue.
    """
    if len(entropy) * 8 not in STRENGTHS:
        raise InvalidValue("strength", "must be 128, 160, 192, 224 or 256 bits")
    checksum_bits = len(entropy) // 4
    bits = int.from_bytes(entropy, "big") << checksum_bits | _checksum(entropy)
    count = (len(entropy) * 8 + checksum_bits) // 11
    words = _words()
    return " ".join(words[bits >> 11 * (count - 1 - place) & 0x7FF] for place in range(count))


def normalised(mnemonic: str) -> str:
    """NFKD, lower case, single spaces."""
    return " ".join(unicodedata.normalize("NFKD", mnemonic).lower().split())


def to_entropy(mnemonic: str, field_name: str = "mnemonic") -> bytes:
    """The entropy behind a mnemonic. Raises InvalidValue: number of words, an unknown word, the checksum."""
    words = normalised(mnemonic).split(" ")
    if len(words) not in (12, 15, 18, 21, 24):
        raise InvalidValue(field_name, "must have 12, 15, 18, 21 or 24 words")
    numbers, bits = _numbers(), 0
    for place, word in enumerate(words, 1):
        if word not in numbers:
            raise InvalidValue(field_name, f"word {place} is not in the English word list")
        bits = bits << 11 | numbers[word]
    checksum_bits = len(words) // 3
    entropy = (bits >> checksum_bits).to_bytes(len(words) * 4 // 3, "big")
    if bits & (1 << checksum_bits) - 1 != _checksum(entropy):
        raise InvalidValue(field_name, "its checksum does not match: a word is wrong or out of order")
    return entropy


def is_valid(mnemonic: str) -> bool:
    """True for 12 to 24 English words with a matching checksum."""
    try:
        to_entropy(mnemonic)
    except InvalidValue:
        return False
    return True


def to_seed(mnemonic: str, passphrase: str = "", field_name: str = "mnemonic") -> bytes:
    """The 64-byte seed; about 1 ms. `passphrase` is BIP-39's optional extra. Raises InvalidValue."""
    to_entropy(mnemonic, field_name)
    salt = "mnemonic" + unicodedata.normalize("NFKD", passphrase)
    return hashlib.pbkdf2_hmac("sha512", normalised(mnemonic).encode(), salt.encode(), SEED_ROUNDS)


def _checksum(entropy: bytes) -> int:
    """The first len/4 bits of SHA-256 (4 to 8 of them)."""
    return hashlib.sha256(entropy).digest()[0] >> 8 - len(entropy) // 4


@cache
def _words() -> tuple[str, ...]:
    return tuple((Path(__file__).parent / "english.txt").read_text("ascii").split())


@cache
def _numbers() -> dict[str, int]:
    return {word: number for number, word in enumerate(_words())}
