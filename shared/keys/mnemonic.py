"""BIP-39 mnemonics in English, with eth-account: random words with a checksum, and the seed that wallets derive.

Words are compared after NFKD normalisation, in lower case and with single spaces, as people type and paste them.
Refusals give the position of a wrong word and never repeat it.
"""

from __future__ import annotations

import secrets
import unicodedata
from typing import Any

from shared.domain.errors import InvalidValue
from shared.keys.web3_imports import eth_account

STRENGTHS = (128, 160, 192, 224, 256)  # bits of entropy: 12, 15, 18, 21 and 24 words


def generate(strength: int = 128) -> str:
    """A new mnemonic of `strength` bits from the operating system's generator. Raises InvalidValue."""
    if strength not in STRENGTHS:
        raise InvalidValue("strength", "must be 128, 160, 192, 224 or 256 bits")
    return from_entropy(secrets.token_bytes(strength // 8))


def from_entropy(entropy: bytes) -> str:
    """The words for 16, 20, 24, 28 or 32 bytes: 11 bits each, the last with the checksum."""
    return str(_english().to_mnemonic(entropy))


def normalised(mnemonic: str) -> str:
    """The mnemonic in NFKD, lower case and with single spaces."""
    return " ".join(unicodedata.normalize("NFKD", mnemonic).lower().split())


def checked(mnemonic: str, field_name: str = "mnemonic") -> str:
    """The normalised words. Raises InvalidValue for a wrong number of words, an unknown word or a wrong checksum."""
    text, english = normalised(mnemonic), _english()
    words = text.split(" ")
    if len(words) not in (12, 15, 18, 21, 24):
        raise InvalidValue(field_name, "must have 12, 15, 18, 21 or 24 words")
    for place, word in enumerate(words, 1):
        if word not in english.wordlist:
            raise InvalidValue(field_name, f"word {place} is not in the English word list")
    if not english.is_mnemonic_valid(text):
        raise InvalidValue(field_name, "its checksum does not match: a word is wrong or out of order")
    return text


def is_valid(mnemonic: str) -> bool:
    """True for 12 to 24 English words with a matching checksum."""
    try:
        checked(mnemonic)
    except InvalidValue:
        return False
    return True


def to_seed(mnemonic: str, passphrase: str = "", field_name: str = "mnemonic") -> bytes:
    """The 64-byte seed; about 1 ms. `passphrase` is BIP-39's optional extra. Raises InvalidValue."""
    return bytes(_english().to_seed(checked(mnemonic, field_name), passphrase))


def _english() -> Any:
    """eth-account's mnemonic class with a fixed language: the error of its language detection would
    repeat the words."""
    return eth_account("hdaccount").Mnemonic()
