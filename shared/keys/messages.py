"""Sign messages with eth-account: EIP-191 version 0x45 (personal_sign) and EIP-712 typed data.

There is no function that signs a raw hash: the hash could be a transaction or any permit, and bypass every policy.
Typed data must name the wallet's chain in its domain, because its signature would otherwise be valid elsewhere too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.domain.errors import InvalidValue
from shared.keys import curve
from shared.keys.accounts import checked_key
from shared.keys.typed_data import checked_document
from shared.keys.web3_imports import eth_account


def message_digest(message: str | bytes) -> bytes:
    """Keccak-256 of the EIP-191 form of `message`; text is UTF-8. Raises InvalidValue for lone surrogates."""
    return bytes(eth_account("messages").defunct_hash_message(_body(message)))


def sign_message(message: str | bytes, key: bytes) -> str:
    """The 65-byte signature of personal_sign, as 0x hex. About 0.3 ms. Raises InvalidValue."""
    return _signed(_signable(message), key)


def sign_typed_data(typed_data: Mapping[str, Any], key: bytes, chain_id: int) -> str:
    """The 65-byte signature of eth_signTypedData_v4, as 0x hex. Raises InvalidValue, ChainMismatch."""
    return _signed(signable_typed_data(typed_data, chain_id), key)


def recover_message(message: str | bytes, signature: bytes) -> str:
    """The EIP-55 address that signed `message`. Raises InvalidValue for an impossible signature, and for one with the
    larger of the two possible s (EIP-2)."""
    checked = curve.Signature.from_bytes(signature).to_bytes()
    try:
        return str(eth_account().Account.recover_message(_signable(message), signature=checked))
    except Exception:  # BadSignature of eth_keys: r is not on the curve
        raise InvalidValue("signature", "no key made this signature") from None


def _body(message: str | bytes) -> bytes:
    try:
        return message.encode() if isinstance(message, str) else message
    except UnicodeEncodeError:
        raise InvalidValue("message", "must be Unicode text") from None


def _signable(message: str | bytes) -> Any:
    return eth_account("messages").encode_defunct(primitive=_body(message))


def signable_typed_data(typed_data: Mapping[str, Any], chain_id: int) -> Any:
    """Version, domain separator and hash of the message, as they are signed. Raises InvalidValue, ChainMismatch."""
    document = checked_document(typed_data, chain_id)
    return eth_account("messages").encode_typed_data(full_message=document)


def _signed(signable: Any, key: bytes) -> str:
    made = eth_account().Account.sign_message(signable, checked_key(key))
    return "0x" + bytes(made.signature).hex()
