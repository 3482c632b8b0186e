"""Encode transactions for signing and broadcasting, and decode them. Legacy with EIP-155, EIP-2930, EIP-1559.

A chain id is always required: a signature without one could be replayed on any chain. Blob and set-code transactions
are refused. The tests compare the encoding with eth-account, which takes 0.5 s to import and four times as long per
signature.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.domain.errors import InvalidValue
from shared.keys import curve, rlp

LEGACY, ACCESS_LIST, DYNAMIC_FEE = 0, 1, 2
MAX_NONCE = 2**64 - 2  # EIP-2681
AccessList = tuple[tuple[bytes, tuple[bytes, ...]], ...]

_FEES = {
    LEGACY: ("gasPrice",),
    ACCESS_LIST: ("gasPrice",),
    DYNAMIC_FEE: ("maxPriorityFeePerGas", "maxFeePerGas"),
}
_COMMON = {"type", "chainId", "nonce", "gas", "to", "value", "data", "from"}
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")


@dataclass(frozen=True, slots=True)
class SignedBytes:
    """A signed transaction. Anybody can broadcast `raw`, so it is a secret until its nonce is final."""

    raw: bytes = field(repr=False)
    hash: bytes


@dataclass(frozen=True, slots=True)
class UnsignedTransaction:
    """Amounts in wei, gas in units, `fees` in wei per gas: (gas price,) or (priority, maximum).

    `to` is empty for a contract creation. `access_list` pairs an address with storage keys.
    """

    type: int
    chain_id: int
    nonce: int
    fees: tuple[int, ...]
    gas: int
    to: bytes
    value: int
    data: bytes
    access_list: AccessList = ()

    @classmethod
    def of(cls, tx: Mapping[str, Any]) -> UnsignedTransaction:
        """Read a JSON-RPC style dict: type?, chainId, nonce, gas, to?, value?, data?, accessList?, from?, fees.

        Integers are int or 0x text; bytes are bytes or 0x text. Without `type`, the fee fields determine it. Raises
        InvalidValue that names the field, also for unknown fields."""
        kind = _type_of(tx)
        allowed = _COMMON | set(_FEES[kind]) | ({"accessList"} if kind else set())
        for name in tx:
            if name not in allowed:
                raise InvalidValue(str(name), f"is not a field of a transaction of type {kind}")
        fees = tuple(_number(tx, name, 2**256 - 1) for name in _FEES[kind])
        if kind == DYNAMIC_FEE and fees[0] > fees[1]:
            raise InvalidValue("maxPriorityFeePerGas", "is above maxFeePerGas")
        to = _bytes(tx.get("to") or b"", "to")
        if len(to) not in (0, 20):
            raise InvalidValue("to", "must be an address of 20 bytes, or absent to create a contract")
        return cls(
            kind,
            _chain_id(tx),
            _number(tx, "nonce", MAX_NONCE),
            fees,
            _number(tx, "gas", 2**64 - 1),
            to,
            _number({"value": 0, **tx}, "value", 2**256 - 1),
            _bytes(tx.get("data", b""), "data"),
            _access_list(tx.get("accessList") or ()),
        )

    def digest(self) -> bytes:
        """The Keccak-256 hash that is signed."""
        if self.type == LEGACY:  # EIP-155
            return curve.keccak(rlp.encode([*self._fields(), rlp.integer(self.chain_id), b"", b""]))
        return curve.keccak(bytes([self.type]) + rlp.encode(self._fields()))

    def signed(self, signature: curve.Signature) -> SignedBytes:
        """The bytes to broadcast and their hash."""
        v = signature.y_parity
        if self.type == LEGACY:
            v += 35 + 2 * self.chain_id
        body = rlp.encode([*self._fields(), *map(rlp.integer, (v, signature.r, signature.s))])
        raw = body if self.type == LEGACY else bytes([self.type]) + body
        return SignedBytes(raw, curve.keccak(raw))

    def _fields(self) -> list[rlp.Item]:
        numbers = (self.nonce, *self.fees, self.gas)
        fields: list[rlp.Item] = [*map(rlp.integer, numbers), self.to, rlp.integer(self.value), self.data]
        return fields if self.type == LEGACY else [rlp.integer(self.chain_id), *fields, self.access_list]


def decode_signed(raw: bytes) -> tuple[UnsignedTransaction, bytes]:
    """Decode signed bytes into the transaction and the 64-byte public key that signed them.

    Raises InvalidValue unless `raw` is exactly what this module would have encoded."""
    kind = raw[0] if raw and raw[0] in (ACCESS_LIST, DYNAMIC_FEE) else LEGACY
    fields = rlp.decode(raw if kind == LEGACY else raw[1:])
    if isinstance(fields, bytes) or len(fields) != {LEGACY: 9, ACCESS_LIST: 11, DYNAMIC_FEE: 12}[kind]:
        raise InvalidValue("transaction", "is not a signed transaction of a known type")
    *body, v, r, s = fields
    parity, chain_id = rlp.to_integer(v), 0
    if kind == LEGACY:
        chain_id, parity = divmod(parity - 35, 2)
    signature = curve.Signature(rlp.to_integer(r), rlp.to_integer(s), parity)
    names = ["nonce", *_FEES[kind], "gas", "to", "value", "data"]
    if kind != LEGACY:
        names = ["chainId", *names, "accessList"]
    values = dict(zip(names, body, strict=True))
    numbers = {
        name: rlp.to_integer(values[name]) for name in names if name not in ("to", "data", "accessList")
    }
    transaction = UnsignedTransaction.of({"chainId": chain_id, **values, **numbers, "type": kind})
    if transaction.signed(signature).raw != raw:
        raise InvalidValue("transaction", "is not in canonical form")
    return transaction, curve.recovered(transaction.digest(), signature)


def _type_of(tx: Mapping[str, Any]) -> int:
    if tx.get("type") is None:
        if "maxFeePerGas" in tx or "maxPriorityFeePerGas" in tx:
            return DYNAMIC_FEE
        return ACCESS_LIST if "accessList" in tx else LEGACY
    kind = _number(tx, "type", 0x7F)
    if kind not in _FEES:
        raise InvalidValue("type", "must be 0 (legacy), 1 (access list) or 2 (dynamic fee)")
    return kind


def _chain_id(tx: Mapping[str, Any]) -> int:
    chain_id = _number(tx, "chainId", 2**63 - 1)
    if chain_id == 0:
        raise InvalidValue("chainId", "must name a chain: 0 would be valid on any")
    return chain_id


def _number(tx: Mapping[str, Any], name: str, largest: int) -> int:
    value = tx.get(name)
    if isinstance(value, str) and _QUANTITY.fullmatch(value):
        value = int(value, 16)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= largest:
        raise InvalidValue(name, f"must be an integer from 0 to {largest}")
    return value


def _bytes(value: object, name: str) -> bytes:
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, str) and _HEX.fullmatch(value):
        return bytes.fromhex(value[2:])
    raise InvalidValue(name, "must be bytes or 0x and an even number of hexadecimal digits")


def _access_list(entries: object) -> AccessList:
    """An access list from JSON-RPC objects or from decoded pairs. Raises InvalidValue."""
    if not isinstance(entries, list | tuple):
        raise InvalidValue("accessList", "must be a list")
    result = []
    for entry in entries:
        if isinstance(entry, Mapping):
            entry = (entry.get("address"), entry.get("storageKeys"))  # noqa: PLW2901
        if not isinstance(entry, list | tuple) or len(entry) != 2 or not isinstance(entry[1], list | tuple):
            raise InvalidValue("accessList", "must pair an address with a list of storage keys")
        address = _bytes(entry[0], "accessList")
        keys = tuple(_bytes(key, "accessList") for key in entry[1])
        if len(address) != 20 or any(len(key) != 32 for key in keys):
            raise InvalidValue("accessList", "has addresses of 20 and storage keys of 32 bytes")
        result.append((address, keys))
    return tuple(result)
