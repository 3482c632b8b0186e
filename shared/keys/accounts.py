"""Private keys, their addresses, and signing a transaction with a key.

A private key is 32 bytes, 1 ≤ key < n. Addresses are EIP-55 text. Every parsing function raises InvalidValue (422)
that names the field and never repeats the value.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from shared.domain.errors import InvalidValue
from shared.keys import curve
from shared.keys.addresses import checksummed, parse_address
from shared.keys.errors import AddressMismatch
from shared.keys.raw_transactions import SignedBytes, UnsignedTransaction

if TYPE_CHECKING:
    from coincurve import PrivateKey

_KEY = re.compile(r"(?:0x|0X)?([0-9a-fA-F]{64})")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key with its public key and address. `public_key` is 64 bytes x ‖ y."""

    private_key: bytes = field(repr=False)
    public_key: bytes
    address: str


class Signer(Protocol):
    """Signs transactions for one address: a key in memory, or a treasury key that stays in Cloud KMS."""

    @property
    def address(self) -> str: ...

    def sign_transaction(self, tx: Mapping[str, Any]) -> SignedBytes: ...


def checked_key(key: bytes, field_name: str = "private_key") -> bytes:
    """Return `key` if it has 32 bytes and 1 ≤ key < n (SEC 1 §3.2.1). Raises InvalidValue."""
    if len(key) != 32 or not 0 < int.from_bytes(key, "big") < curve.ORDER:
        raise InvalidValue(field_name, "must be a number from 1 to the curve's order less 1, in 32 bytes")
    return key


def parse_private_key(text: str, field_name: str = "private_key") -> bytes:
    """32 bytes from 64 hex digits, with or without 0x; outer spaces are ignored. Raises InvalidValue."""
    match = _KEY.fullmatch(text.strip())
    if match is None:
        raise InvalidValue(field_name, "must be 64 hexadecimal digits")
    return checked_key(bytes.fromhex(match[1]), field_name)


def generate_key() -> bytes:
    """A new random private key from the operating system's generator."""
    while True:
        key = secrets.token_bytes(32)
        if 0 < int.from_bytes(key, "big") < curve.ORDER:
            return key


def key_pair(key: bytes) -> KeyPair:
    """The public key and address of `key`. Raises InvalidValue for a key out of range."""
    public_key = curve.public_key_of(checked_key(key))
    return KeyPair(key, public_key, address_of_public_key(public_key))


def address_of(key: bytes) -> str:
    """The EIP-55 address of a private key. Raises InvalidValue for a key out of range."""
    return key_pair(key).address


def address_of_public_key(public_key: bytes) -> str:
    """The EIP-55 address of 64 bytes x ‖ y: the last 20 bytes of their Keccak-256."""
    return checksummed(curve.keccak(public_key)[12:])


def sign_transaction(tx: Mapping[str, Any], key: bytes) -> SignedBytes:
    """Sign a transaction dict (see `UnsignedTransaction.of`); about 0.1 ms. Equal input gives equal bytes (RFC 6979).

    Raises InvalidValue for a bad field or key, AddressMismatch if `tx["from"]` is another address."""
    return KeySigner(key).sign_transaction(tx)


def refuse_other_sender(tx: Mapping[str, Any], address: str) -> None:
    """Raises AddressMismatch if `tx` names a sender (`from`) that is not `address`."""
    sender = tx.get("from")
    if sender is not None and parse_address(str(sender), "from") != address:
        raise AddressMismatch


@dataclass(frozen=True)
class KeySigner:
    """A `Signer` that keeps the key in memory for one piece of work."""

    key: bytes = field(repr=False)

    @property
    def address(self) -> str:
        return address_of(self.key)

    @cached_property
    def _opened(self) -> PrivateKey:
        return curve.opened(checked_key(self.key))

    def sign_transaction(self, tx: Mapping[str, Any]) -> SignedBytes:
        """See `sign_transaction`."""
        transaction = UnsignedTransaction.of(tx)
        opened = self._opened
        if tx.get("from") is not None:
            refuse_other_sender(tx, self.address)
        return transaction.signed(curve.sign_digest(opened, transaction.digest()))
