"""A chain with simulated time, and the duration of a round trip to it."""

from __future__ import annotations

import bisect
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from shared.chain.endpoints import Endpoint
from shared.chain.pool import Ask, Pool, T
from shared.chain.registry import Registry
from shared.keys.accounts import address_of_public_key
from shared.keys.raw_transactions import decode_signed
from tests.unit.engine.chain_model import GWEI
from tests.unit.engine.faulty_node import keccak256

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class Latencies:
    """Seconds of one round trip."""

    read: float = float(os.environ.get("READ_SECONDS", "0.005"))
    node: float = float(os.environ.get("NODE_SECONDS", "0.030"))
    commit: float = float(os.environ.get("COMMIT_SECONDS", "0.010"))


@dataclass
class Time:
    """Seconds since the start; a clock for everything."""

    now_seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.now_seconds)

    def seconds(self) -> float:
        return self.now_seconds

    def pass_by(self, seconds: float) -> None:
        self.now_seconds += seconds

    def trip(self, what: str, seconds: float) -> None:
        self.counts[what] += 1
        self.now_seconds += seconds


@dataclass(frozen=True)
class Block:
    number: int
    hash: str
    parent: str
    timestamp: int
    hashes: tuple[str, ...]


class Node:
    """A chain that mines everything it receives as time passes; `shared.chain.rpc.Rpc` twice, by `name`."""

    def __init__(self, time: Time, latencies: Latencies, chain: str, final_seconds: float) -> None:
        self.time, self.latencies, self.spec = time, latencies, Registry.DEFAULT.chain(chain)
        self.final_blocks = int(final_seconds / self.spec.block_seconds)
        self.final_at: int | None = None  # finality stands still at this height
        self.mining = True
        self.blocks: list[Block] = []
        self.pool: dict[str, dict[int, str]] = {}
        self.counts: dict[str, list[tuple[int, int]]] = {}  # by sender: (height, count), ascending
        self.where: dict[str, tuple[int, str]] = {}
        self._left: dict[int, int] = {}  # by height: transactions of the block that are not forgotten
        self.expected: dict[str, tuple[str, int, str]] = {}  # sender, nonce and hash of bytes that come next
        self.skipped = 0  # blocks that were not mined while the chain stood still
        self.add(())

    def close(self) -> None: ...

    def add(self, hashes: Sequence[str]) -> Block:
        number = len(self.blocks)
        parent = self.blocks[-1].hash if self.blocks else "0x" + "00" * 32
        stamp = int(START.timestamp() + self.time.now_seconds)
        block = Block(number, f"0x{number + 1:064x}", parent, stamp, tuple(hashes))
        self.blocks.append(block)
        self.where.update((one, (number, block.hash)) for one in hashes)
        if hashes:
            self._left[number] = len(hashes)
        return block

    def catch_up(self) -> None:
        """Mine the blocks that are due by now."""
        wanted = int(self.time.now_seconds / self.spec.block_seconds) - self.skipped
        while wanted >= len(self.blocks) - self.base:
            if not self.mining:
                self.skipped += 1
                wanted -= 1
                continue
            taken: list[str] = []
            for sender, waiting in list(self.pool.items()):
                count = first = self.count(sender, len(self.blocks) - 1)
                while count in waiting:
                    taken.append(waiting.pop(count))
                    count += 1
                if not waiting:
                    del self.pool[sender]
                if count > first:
                    self._counted(sender, count)
            self.add(taken)

    def _counted(self, sender: str, count: int) -> None:
        """Keep a sender's count in the next block; those from before finality are forgotten from time to time."""
        known = self.counts.setdefault(sender, [])
        known.append((len(self.blocks), count))
        if len(known) % 1_000 == 0:
            final = self._height("finalized")
            del known[: max(0, bisect.bisect_right(known, (final, 1 << 62)) - 1)]

    def forget(self, tx_hash: str) -> None:
        """Forget a transaction that is final, with the last one of its block: until then others are asked for."""
        if tx_hash not in self.where:
            return
        number, _ = self.where[tx_hash]
        self._left[number] -= 1
        if not self._left[number]:
            del self._left[number]
            for one in self.blocks[number].hashes:
                del self.where[one]
            self.blocks[number] = replace(self.blocks[number], hashes=())

    base = 1  # blocks from before the start of time

    def count(self, sender: str, height: int) -> int:
        known = self.counts.get(sender, [])
        at = bisect.bisect_right(known, (height, 1 << 62))
        return known[at - 1][1] if at else 0

    def call(self, method: str, params: list[Any], timeout: float | None = None) -> Any:
        self.time.trip("exchange", self.latencies.node)
        self.time.counts["calls"] += 1
        self.catch_up()
        return getattr(self, method)(*params)

    def batch(self, calls: Sequence[tuple[str, list[Any]]], timeout: float | None = None) -> list[Any]:
        self.time.trip("exchange", self.latencies.node)
        self.time.counts["calls"] += len(calls)
        self.catch_up()
        return [getattr(self, method)(*params) for method, params in calls]

    def _height(self, ref: str) -> int:
        head = len(self.blocks) - 1
        if ref == "finalized":
            return max(0, head - self.final_blocks if self.final_at is None else self.final_at)
        return int(ref, 16) if ref.startswith("0x") else head

    def eth_chainId(self) -> str:
        return hex(self.spec.chain_id)

    def eth_blockNumber(self) -> str:
        return hex(len(self.blocks) - 1)

    def eth_getBlockByNumber(self, ref: str, full: bool) -> Any:
        height = self._height(ref)
        if height >= len(self.blocks):
            return None
        block = self.blocks[height]
        return {
            "number": hex(block.number), "hash": block.hash, "parentHash": block.parent, "gasLimit": "0x1c9c380",
            "timestamp": hex(block.timestamp), "baseFeePerGas": hex(GWEI), "transactions": list(block.hashes),
        }  # fmt: skip

    def eth_getTransactionCount(self, address: str, ref: str) -> str:
        sender = address.lower()
        count = self.count(sender, self._height(ref))
        if ref == "pending":
            waiting = self.pool.get(sender, {})
            while count in waiting:
                count += 1
        return hex(count)

    def eth_getBalance(self, address: str, ref: str) -> str:
        return hex(10**30)

    def eth_feeHistory(self, count: str, newest: str, percentiles: list[int]) -> Any:
        reward = [[hex(GWEI // 100)] * len(percentiles)]
        return {
            "oldestBlock": "0x1",
            "baseFeePerGas": [hex(GWEI)] * 2,
            "gasUsedRatio": [0.5],
            "reward": reward,
        }

    def eth_sendRawTransaction(self, raw: str) -> str:
        sender, nonce, digest = self.expected.get(raw) or _decoded(raw)
        if digest not in self.where and nonce >= self.count(sender, len(self.blocks) - 1):
            self.pool.setdefault(sender, {})[nonce] = digest
            self._join(sender)
        return digest

    def _join(self, sender: str) -> None:
        """Put what arrives into the block that closes next, although processes ahead of this one have closed it."""
        known = self.counts.setdefault(sender, [])
        height = int(self.time.now_seconds / self.spec.block_seconds) - self.skipped + self.base + 1
        height = max(height, known[-1][0] if known else 0)
        waiting, count = self.pool[sender], known[-1][1] if known else 0
        while height < len(self.blocks) and count in waiting:
            block, digest = self.blocks[height], waiting.pop(count)
            self.blocks[height] = replace(block, hashes=(*block.hashes, digest))
            self.where[digest] = (height, block.hash)
            self._left[height] = self._left.get(height, 0) + 1
            count += 1
            known.append((height, count))
        if not waiting:
            del self.pool[sender]

    def _receipt(self, tx_hash: str) -> Any:
        number, block = self.where[tx_hash]
        return {
            "transactionHash": tx_hash, "blockHash": block, "blockNumber": hex(number), "status": "0x1",
            "gasUsed": "0x5208", "effectiveGasPrice": hex(GWEI), "contractAddress": None, "logs": [],
        }  # fmt: skip

    def eth_getTransactionReceipt(self, tx_hash: str) -> Any:
        return self._receipt(tx_hash) if tx_hash in self.where else None

    def eth_getBlockReceipts(self, ref: str) -> Any:
        height = self._height(ref)
        return [self._receipt(one) for one in self.blocks[height].hashes] if height < len(self.blocks) else []


@lru_cache(10_000)  # both names of the node get the same bytes
def _decoded(raw: str) -> tuple[str, int, str]:
    """Sender, nonce and hash of signed bytes."""
    data = bytes.fromhex(raw[2:])
    decoded, public_key = decode_signed(data)
    return address_of_public_key(public_key).lower(), decoded.nonce, "0x" + keccak256(data).hex()


class Named:
    """One of two names for the same node."""

    def __init__(self, node: Node, name: str) -> None:
        self.node, self.name = node, name
        self.call, self.batch, self.close = node.call, node.batch, node.close


class SideBySide(Pool):
    """Ask all endpoints in parallel: it takes as long as asking one."""

    def __init__(self, endpoints: Sequence[Endpoint], time: Time) -> None:
        super().__init__(endpoints, parallel=False)
        self._time = time

    def broadcast(self, ask: Ask[T]) -> list[Any]:
        began, ends, answers = self._time.now_seconds, [], []
        for endpoint in self.endpoints:
            self._time.now_seconds = began
            answers.append(ask(endpoint))
            ends.append(self._time.now_seconds)
        self._time.now_seconds = max(ends)
        return answers
