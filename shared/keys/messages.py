"""Signed messages: EIP-191 version 0x45 (personal_sign) and EIP-712 typed data.

There is no way to sign a raw hash: it could be a transaction or a permit of any kind, past every policy. Typed
data must name the wallet's chain in its domain, or its signature would be valid elsewhere too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.domain.errors import InvalidValue
from shared.keys import curve
from shared.keys.accounts import address_of_public_key, checked_key
from shared.keys.typed_data import typed_data_digest


def message_digest(message: str | bytes) -> bytes:
    """Keccak-256 of the EIP-191 form of `message`; text is UTF-8. Raises InvalidValue for lone surrogates."""
    try:
        body = message.encode() if isinstance(message, str) else message
    except UnicodeEncodeError:
        raise InvalidValue("message", "must be Unicode text") from None
    return curve.keccak(b"\x19Ethereum Signed Message:\n%d" % len(body) + body)


def sign_message(message: str | bytes, key: bytes) -> str:
    """The 65-byte signature of personal_sign, as 0x hex. About 0.1 ms. Raises InvalidValue."""
    return _signed(message_digest(message), key)


def sign_typed_data(typed_data: Mapping[str, Any], key: bytes, chain_id: int) -> str:
    """The 65-byte signature of eth_signTypedData_v4, as 0x hex. Raises InvalidValue, ChainMismatch."""
    return _signed(typed_data_digest(typed_data, chain_id), key)


def recover_message(message: str | bytes, signature: bytes) -> str:
    """The EIP-55 address that signed `message`. Raises InvalidValue for a signature that nobody made."""
    return recover_digest(message_digest(message), signature)


def recover_digest(digest: bytes, signature: bytes) -> str:
    """The EIP-55 address that signed a digest. Raises InvalidValue for a signature that nobody made."""
    return address_of_public_key(curve.recovered(digest, curve.Signature.from_bytes(signature)))


def _signed(digest: bytes, key: bytes) -> str:
    return "0x" + curve.sign_digest(checked_key(key), digest).to_bytes().hex()
