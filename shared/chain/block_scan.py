"""Read blocks, and the logs in them, for the event index.

If a chain has several nodes, two must give the same answer, as for all evidence; a single node is trusted. Logs are
requested by block hash, so that a node that lags or is on another fork refuses instead of answering with no logs. If a
node refuses a request as too large, the request is split in halves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from shared.chain import evidence, types
from shared.chain.client import ChainClient
from shared.chain.endpoints import Endpoint
from shared.chain.errors import ChainError, Lagging, MethodMissing, NodeError, TooMuch, Unreachable
from shared.chain.pool import result_or_raise
from shared.chain.rpc import Call

T = TypeVar("T")
MAX_ADDRESSES: Final = 100  # addresses in one filter; with more, all logs of a block are read


@dataclass(frozen=True, slots=True)
class Payment:
    """A transaction of a block that transfers coins; only its receipt shows whether it succeeded."""

    place: int
    hash: str
    from_address: str
    to: str
    value: int


@dataclass(frozen=True, slots=True)
class SourceBlock:
    number: int
    hash: str
    parent_hash: str
    payments: tuple[Payment, ...]


@dataclass(frozen=True, slots=True)
class SourceLog:
    """A log as its block contains it; hex in lower case."""

    address: str
    topics: tuple[str, ...]
    data: str
    index: int
    transaction_hash: str
    block_hash: str
    block_number: int


class Refused(Exception):
    """No node returns the logs of one address in one block, however the request is split."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


def heights(client: ChainClient) -> tuple[int, int]:
    """The (newest, final) heights that a quorum has reached. Raises ChainError."""
    return evidence.reached(client, "latest"), evidence.finalized(client)


def agreed(client: ChainClient, count: int, ask: Callable[[Endpoint], Sequence[T | None]]) -> list[T | None]:
    """The answer of a quorum to each of `count` questions; None if there is no such answer."""
    if client.pool.needed == 1:
        return list(client.pool.read(ask))
    return client.pool.quorum_each([None] * count, ask, 0)


def blocks(client: ChainClient, numbers: Sequence[int]) -> list[SourceBlock]:
    """The blocks at these heights, up to the first one that has no quorum or does not follow the one before."""
    calls: list[Call] = [("eth_getBlockByNumber", [hex(one), True]) for one in numbers]

    def ask(endpoint: Endpoint) -> list[SourceBlock | None]:
        answers = endpoint.batch(calls)
        return [
            _readable(_block, answer) if answer and not isinstance(answer, ChainError) else None
            for answer in answers
        ]

    made: list[SourceBlock] = []
    for number, block in zip(numbers, agreed(client, len(calls), ask), strict=True):
        if block is None or block.number != number or (made and block.parent_hash != made[-1].hash):
            break
        made.append(block)
    return made


def hashes(client: ChainClient, numbers: Sequence[int]) -> list[str | None]:
    """The hashes of the canonical blocks at these heights; None without a quorum."""
    calls: list[Call] = [("eth_getBlockByNumber", [hex(one), False]) for one in numbers]

    def ask(endpoint: Endpoint) -> list[str | None]:
        return [None if isinstance(one, ChainError) else types.hash_of(one) for one in endpoint.batch(calls)]

    return agreed(client, len(calls), ask) if calls else []


def logs_of(
    client: ChainClient, block_hashes: Sequence[str], addresses: Sequence[str] | None
) -> list[tuple[SourceLog, ...]]:
    """The logs of each block, in order; of these addresses, or of all if None.

    Raises TooMuch if nodes refuse even a single block, ChainError if they do not answer."""
    if not block_hashes or addresses == []:
        return [() for _ in block_hashes]
    calls: list[Call] = [("eth_getLogs", [_filter(addresses, blockHash=one)]) for one in block_hashes]

    def ask(endpoint: Endpoint) -> list[tuple[SourceLog, ...] | None]:
        return [_logs(answer, one) for answer, one in zip(endpoint.batch(calls), block_hashes, strict=True)]

    try:
        found = agreed(client, len(calls), ask)
    except (NodeError, Unreachable):
        found = [None] * len(calls)
    missing = [one for one, logs in zip(block_hashes, found, strict=True) if logs is None]
    if len(block_hashes) == 1 and missing:
        raise _reason(client, calls[0])
    if len(missing) == len(block_hashes):
        half = len(missing) // 2
        return logs_of(client, missing[:half], addresses) + logs_of(client, missing[half:], addresses)
    again = iter(logs_of(client, missing, addresses))
    return [next(again) if logs is None else logs for logs in found]


def logs_of_each(
    client: ChainClient, block_hash: str, addresses: Sequence[str]
) -> tuple[list[SourceLog], list[str]]:
    """The logs of one block, split by address as often as necessary, and the addresses whose logs no node returns.
    Raises ChainError."""
    try:
        return list(logs_of(client, [block_hash], addresses)[0]), []
    except TooMuch:
        if len(addresses) == 1:
            return [], list(addresses)
    half = len(addresses) // 2
    first, refused = logs_of_each(client, block_hash, addresses[:half])
    second, more = logs_of_each(client, block_hash, addresses[half:])
    return sorted(first + second, key=lambda log: log.index), refused + more


@dataclass(frozen=True, slots=True)
class Stretch:
    """The logs of some addresses in a range of heights, and the hash of the last block."""

    last_hash: str
    logs: tuple[SourceLog, ...]


def stretch(client: ChainClient, addresses: Sequence[str], low: int, high: int) -> Stretch:
    """Read a range of blocks from one node that has both ends; with several nodes, two must agree.

    Raises Lagging if nodes do not have the blocks (any more), TooMuch if they refuse, other ChainErrors."""
    wanted = _filter(addresses, fromBlock=hex(low), toBlock=hex(high))
    calls: list[Call] = [
        ("eth_getBlockByNumber", [hex(low), False]),
        ("eth_getLogs", [wanted]),
        ("eth_getBlockByNumber", [hex(high), False]),
    ]

    def ask(endpoint: Endpoint) -> Stretch:
        first, logs, last = (result_or_raise(one) for one in endpoint.batch(calls))
        if first is None or last is None:
            raise Lagging("the node does not have the block")
        last_hash, found = types.hash_of(last), _logs(logs, None)
        if last_hash is None or found is None:
            raise Unreachable("a node's answer cannot be read")
        return Stretch(last_hash, found)

    if client.pool.needed == 1:
        return client.pool.read(ask)
    try:
        return client.pool.quorum("stretch", ask, 0)
    except ChainError:
        client.pool.read(ask)  # raises the nodes' own error if there is one
        raise


def succeeded(client: ChainClient, payments: Sequence[tuple[str, str]]) -> list[bool | None]:
    """Whether each (transaction, block) succeeded; None if no quorum has the receipt."""
    calls: list[Call] = [("eth_getTransactionReceipt", [tx_hash]) for tx_hash, _ in payments]

    def ask(endpoint: Endpoint) -> list[bool | None]:
        found: list[bool | None] = []
        for answer, (_, block_hash) in zip(endpoint.batch(calls), payments, strict=True):
            receipt = None if isinstance(answer, ChainError) else _readable(types.receipt, answer)
            found.append(receipt.success if receipt and receipt.block_hash == block_hash else None)
        return found

    return agreed(client, len(calls), ask) if calls else []


def _filter(addresses: Sequence[str] | None, **more: str) -> dict[str, Any]:
    return more if addresses is None else {**more, "address": list(addresses)}


def _reason(client: ChainClient, call: Call) -> ChainError:
    """Why no node returns it; TooMuch if a node that has the block refuses."""
    method, params = call
    try:
        client.pool.read(lambda endpoint: endpoint.call(method, list(params)))
    except (Lagging, MethodMissing) as error:
        return error
    except NodeError as error:
        return TooMuch(error.text)
    except ChainError as error:
        return error
    return Lagging("nodes do not agree about the block's logs")


def _logs(answer: Any, block_hash: str | None) -> tuple[SourceLog, ...] | None:
    """The sorted logs of an answer; None for an error, for garbage, and for logs of another block."""
    if isinstance(answer, ChainError):
        return None
    found = _readable(lambda entries: [_log(one) for one in entries], answer)
    if found is None or (block_hash and any(one.block_hash != block_hash for one in found)):
        return None
    return tuple(sorted(found, key=lambda log: (log.block_number, log.index)))


def _readable(parse: Callable[[Any], T], answer: Any) -> T | None:
    try:
        return types.parsed(parse, answer)
    except Unreachable:
        return None


def _log(raw: Any) -> SourceLog:
    if raw.get("removed"):
        raise ValueError("a removed log")
    return SourceLog(
        address=_hex(raw["address"], 20),
        topics=tuple(_hex(topic, 32) for topic in raw["topics"][:4]),
        data=_hex(raw["data"] or "0x"),
        index=int(raw["logIndex"], 16),
        transaction_hash=_hex(raw["transactionHash"], 32),
        block_hash=_hex(raw["blockHash"], 32),
        block_number=int(raw["blockNumber"], 16),
    )


def _hex(text: str, size: int | None = None) -> str:
    value = bytes.fromhex(text.removeprefix("0x"))
    if size is not None and len(value) != size:
        raise ValueError("of another size")
    return "0x" + value.hex()


def _block(raw: Any) -> SourceBlock:
    payments = []
    for place, entry in enumerate(raw["transactions"]):
        value, to = int(entry["value"], 16), entry.get("to")
        if to and value:
            one = Payment(place, _hex(entry["hash"], 32), _hex(entry["from"], 20), _hex(to, 20), value)
            payments.append(one)
    return SourceBlock(
        int(raw["number"], 16), _hex(raw["hash"], 32), _hex(raw["parentHash"], 32), tuple(payments)
    )
