"""Nodes' answers, parsed and typed. Garbage raises Unreachable, because nothing from such a node can be trusted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from shared.chain.errors import Unreachable, revert_data
from shared.chain.registry import checksum
from shared.domain.transactions.evidence import Log, Receipt

T = TypeVar("T")
Health = Literal["ok", "behind", "unavailable"]  # of all nodes of a chain together
_HASH = re.compile(r"0x[0-9a-f]{64}")
BlockRef = int | str  # a number, or a tag: latest, pending, safe, finalized, earliest


@dataclass(frozen=True, slots=True)
class Block:
    """A block; base fee in wei per gas (0 before EIP-1559), timestamp in Unix seconds."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    base_fee: int
    gas_limit: int
    transactions: tuple[str, ...]  # hashes


@dataclass(frozen=True, slots=True)
class MinedTransaction:
    """A transaction as eth_getTransactionByHash shows it; its block is None while it waits in the pool."""

    hash: str
    from_address: str
    nonce: int
    to: str | None
    value: int
    block_number: int | None
    block_hash: str | None


@dataclass(frozen=True, slots=True)
class Nonces:
    """Transaction counts of an address, from one exchange; `finalized` at `finalized_number`."""

    latest: int
    pending: int
    finalized: int
    finalized_number: int


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A transaction to simulate: value in wei, gas in units, the access list in JSON-RPC form."""

    from_address: str
    to: str | None
    value: int = 0
    data: bytes = b""
    gas: int | None = None
    access_list: str | None = None

    def encoded(self) -> dict[str, Any]:
        fields: dict[str, Any] = {"from": self.from_address, "value": hex(self.value)}
        if self.to is not None:
            fields["to"] = self.to
        if self.data:
            fields["input"] = "0x" + self.data.hex()
        if self.gas is not None:
            fields["gas"] = hex(self.gas)
        if self.access_list:
            fields["accessList"] = json.loads(self.access_list)
        return fields


@dataclass(frozen=True, slots=True)
class Simulation:
    """The simulated result in the next block; `revert_data` is empty unless it fails, `logs` is None if unknown."""

    success: bool
    gas: int
    return_data: bytes
    revert_data: bytes
    revert_text: str
    logs: tuple[Log, ...] | None


def block_ref(block: BlockRef) -> str:
    return hex(block) if isinstance(block, int) else block


def parsed(parse: Callable[[Any], T], answer: Any) -> T:
    try:
        return parse(answer)
    except (LookupError, TypeError, ValueError, AttributeError):
        raise Unreachable("a node's answer cannot be read") from None


def quantity(answer: Any) -> int:
    return parsed(lambda text: int(text, 16), answer)


def data(answer: Any) -> bytes:
    return parsed(lambda text: bytes.fromhex(text.removeprefix("0x")), answer)


def block(answer: Any) -> Block | None:
    return None if answer is None else parsed(_block, answer)


def hash_of(answer: Any) -> str | None:
    """A block's hash; None for everything else."""
    try:
        return _hash(answer["hash"])
    except (LookupError, TypeError, ValueError, AttributeError):
        return None


def receipt(answer: Any) -> Receipt | None:
    return None if answer is None else parsed(_receipt, answer)


def transaction(answer: Any) -> MinedTransaction | None:
    return None if answer is None else parsed(_transaction, answer)


def log(answer: Any) -> Log:
    return Log(
        address=answer["address"].lower(),
        topics=tuple(topic.lower() for topic in answer["topics"]),
        data=answer["data"].lower(),
        index=int(answer.get("logIndex") or "0x0", 16),
    )


def _hash(text: str) -> str:
    """A hash in lower case. What is none must not reach the database, which would refuse the row each time."""
    if not _HASH.fullmatch(lower := text.lower()):
        raise ValueError("not a hash")
    return lower


def _int64(text: str) -> int:
    """A number that a column of the database can hold."""
    if not 0 <= (number := int(text, 16)) < 2**63:
        raise ValueError("not a number of a block")
    return number


def _block(raw: Any) -> Block:
    return Block(
        number=_int64(raw["number"]),
        hash=_hash(raw["hash"]),
        parent_hash=_hash(raw["parentHash"]),
        timestamp=int(raw["timestamp"], 16),
        base_fee=int(raw.get("baseFeePerGas") or "0x0", 16),
        gas_limit=int(raw["gasLimit"], 16),
        transactions=tuple(
            entry if isinstance(entry, str) else entry["hash"] for entry in raw["transactions"]
        ),
    )


def _receipt(raw: Any) -> Receipt:
    return Receipt(
        hash=_hash(raw["transactionHash"]),
        block_hash=_hash(raw["blockHash"]),
        block_number=_int64(raw["blockNumber"]),
        success=int(raw["status"], 16) == 1,
        gas_used=_int64(raw["gasUsed"]),
        effective_gas_price=_int64(raw.get("effectiveGasPrice") or "0x0"),
        contract_address=checksum(created) if (created := raw.get("contractAddress")) else None,
        logs=tuple(log(entry) for entry in raw["logs"]),
    )


def _transaction(raw: Any) -> MinedTransaction:
    number = raw.get("blockNumber")
    return MinedTransaction(
        hash=raw["hash"].lower(),
        from_address=raw["from"].lower(),
        nonce=int(raw["nonce"], 16),
        to=raw.get("to"),
        value=int(raw["value"], 16),
        block_number=None if number is None else int(number, 16),
        block_hash=None if number is None else raw["blockHash"].lower(),
    )


def simulation(raw: Any) -> Simulation:
    """Parse one call of an eth_simulateV1 answer."""
    success = int(raw["status"], 16) == 1
    error = raw.get("error") or {}
    message = error.get("message")
    returned = data(raw.get("returnData") or "0x")
    return Simulation(
        success=success,
        gas=int(raw["gasUsed"], 16),
        return_data=returned if success else b"",
        revert_data=b"" if success else revert_data(error.get("data")) or returned,
        revert_text=message if isinstance(message, str) and not success else "",
        logs=tuple(log(entry) for entry in raw.get("logs") or ()),
    )
