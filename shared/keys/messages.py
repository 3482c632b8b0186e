"""Signed messages: EIP-191 version 0x45 (personal_sign) and EIP-712 typed data.

There is no way to sign a raw hash: it could be a transaction or a permit of any kind, past every policy.
Typed data must name the wallet's chain in its domain, or its signature would be valid elsewhere too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared.domain.errors import InvalidValue
from shared.keys import curve
from shared.keys.accounts import address_of_public_key, checked_key
from shared.keys.errors import ChainMismatch

MAX_TYPES, MAX_FIELDS, MAX_VALUES = 32, 256, 4096  # bound the work; the largest known use has about 20 types

_DOMAIN = {  # in EIP-712's order
    "name": "string",
    "version": "string",
    "chainId": "uint256",
    "verifyingContract": "address",
    "salt": "bytes32",
}
_NUMBER = re.compile(r"0x[0-9a-fA-F]{1,16}|[0-9]{1,19}")
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,99}")
_TYPE = re.compile(r"([A-Za-z_$][A-Za-z0-9_$]{0,99})(?:\[[0-9]{0,4}\]){0,4}")


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


def recover_message(message: str | bytes, signature: bytes) -> str:
    """The EIP-55 address that signed `message`. Raises InvalidValue for a signature that nobody made."""
    return recover_digest(message_digest(message), signature)


def recover_digest(digest: bytes, signature: bytes) -> str:
    """The EIP-55 address that signed a digest. Raises InvalidValue for a signature that nobody made."""
    return address_of_public_key(curve.recovered(digest, curve.Signature.from_bytes(signature)))


def sign_typed_data(typed_data: Mapping[str, Any], key: bytes, chain_id: int) -> str:
    """The 65-byte signature of eth_signTypedData_v4, as 0x hex. Raises InvalidValue, ChainMismatch."""
    return _signed(typed_data_digest(typed_data, chain_id), key)


def typed_data_digest(typed_data: Mapping[str, Any], chain_id: int) -> bytes:
    """The EIP-712 digest of `{types, primaryType, domain, message}` for the chain `chain_id`.

    Raises ChainMismatch unless the domain names that chain, InvalidValue when the data does not fit its
    types or is larger than the bounds above. Types that the primary type does not use are ignored, as
    wallets do.
    """
    types, domain = _checked_types(typed_data), typed_data["domain"]
    if _chain_of(domain) != chain_id:
        raise ChainMismatch(expected=chain_id, found=_chain_of(domain))
    if _count(typed_data["message"]) > MAX_VALUES:
        raise InvalidValue("typed_data", f"its message has more than {MAX_VALUES} values")
    primary = typed_data["primaryType"]
    full = {"types": _used(types, primary), "primaryType": primary, "domain": {**domain, "chainId": chain_id}}
    from eth_account.messages import encode_typed_data

    try:
        message = encode_typed_data(full_message={**full, "message": typed_data["message"]})
    except Exception:  # eth-account and eth-abi raise a dozen kinds; their texts repeat the message
        raise InvalidValue("typed_data", "the message or domain does not fit its types") from None
    return curve.keccak(b"\x19" + message.version + message.header + message.body)


def _signed(digest: bytes, key: bytes) -> str:
    return "0x" + curve.sign_digest(checked_key(key), digest).to_bytes().hex()


def _checked_types(typed_data: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
    """The `types` after a check of the whole document's shape. Raises InvalidValue."""
    if set(typed_data) != {"types", "primaryType", "domain", "message"}:
        raise InvalidValue("typed_data", "must have types, primaryType, domain and message, and nothing else")
    types, domain = typed_data["types"], typed_data["domain"]
    if not all(isinstance(typed_data[part], dict) for part in ("types", "domain", "message")):
        raise InvalidValue("typed_data", "types, domain and message must be objects")
    fields = [field for declared in types.values() for field in _fields(declared)]
    if len(types) > MAX_TYPES or len(fields) > MAX_FIELDS:
        raise InvalidValue("typed_data", f"has more than {MAX_TYPES} types or {MAX_FIELDS} fields")
    if typed_data["primaryType"] not in types or typed_data["primaryType"] == "EIP712Domain":
        raise InvalidValue("typed_data", "primaryType must be one of the types")
    if "EIP712Domain" in types:
        expected = [{"name": name, "type": kind} for name, kind in _DOMAIN.items() if name in domain]
        if types["EIP712Domain"] != expected:
            raise InvalidValue("typed_data", "types.EIP712Domain must list exactly the domain's fields")
    return {name: declared for name, declared in types.items() if name != "EIP712Domain"}


def _fields(declared: object) -> list[dict[str, str]]:
    """The fields of one type: objects with a name and a type. Raises InvalidValue."""
    if not isinstance(declared, list):
        raise InvalidValue("typed_data", "each type must be a list of fields")
    for field in declared:
        if not isinstance(field, dict) or set(field) != {"name", "type"}:
            raise InvalidValue("typed_data", "each field must have a name and a type")
        name, kind = field["name"], field["type"]
        if not isinstance(name, str) or not isinstance(kind, str):
            raise InvalidValue("typed_data", "each field must have a name and a type")
        if not _IDENTIFIER.fullmatch(name) or not _TYPE.fullmatch(kind):
            raise InvalidValue("typed_data", "each field's name and type must be identifiers")
    return declared


def _used(types: dict[str, list[dict[str, str]]], primary: str) -> dict[str, list[dict[str, str]]]:
    """The types that `primary` needs, itself included."""
    used, wanted = {}, [primary]
    while wanted:
        name = wanted.pop()
        if name in types and name not in used:
            used[name] = types[name]
            wanted += [match[1] for field in types[name] if (match := _TYPE.fullmatch(field["type"]))]
    return used


def _chain_of(domain: dict[str, Any]) -> int | None:
    """The domain's chain id; None when it has none that can be read."""
    chain = domain.get("chainId")
    if isinstance(chain, str) and _NUMBER.fullmatch(chain):
        return int(chain, 16 if chain.startswith("0x") else 10)
    return chain if isinstance(chain, int) and not isinstance(chain, bool) else None


def _count(value: object) -> int:
    """How many values `value` holds, itself included; without recursion."""
    count, waiting = 0, [value]
    while waiting and count <= MAX_VALUES:
        count += 1
        item = waiting.pop()
        waiting += item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
    return count
