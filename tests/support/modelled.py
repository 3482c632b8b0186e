"""A chain, a store and a clock whose time is reckoned, not waited for: each round trip takes what a setting says.

The engine's own code runs over them on one thread. Where it works side by side, its workers are reckoned by turns: each
begins when a worker is free, and all end with the last. Time of this machine's processor is not in it.
"""

from __future__ import annotations

import bisect
import contextlib
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest import mock

from shared import resources
from shared.adapters.cache import NoCache
from shared.chain.client import ChainClient
from shared.chain.endpoints import Endpoint
from shared.chain.pool import Ask, Pool, T
from shared.chain.registry import Registry
from shared.domain.desk.funds import NEVER, Funds
from shared.domain.transactions import acceptance
from shared.domain.transactions.acceptance import Intent
from shared.domain.transactions.transactions import Transaction
from shared.domain.wallets.wallets import Wallet
from shared.engine import broadcast, bucket_visit, tick
from shared.engine.process_hints import EngineHints
from shared.keys.accounts import address_of
from shared.keys.local_vault import LocalVault, MasterKeys
from shared.keys.raw_transactions import decode_signed
from shared.keys.vault import Binding
from shared.runtime.context import Context, deadline_in, running
from shared.settings import load
from shared.store.port import Read, Write
from shared.store.tables.supplies import FUNDS
from shared.store.tables.transactions import TRANSACTIONS
from shared.store.tables.wallets import VAULT_KEYS, WALLETS, VaultKey
from shared.writes import outbox_relay
from tests.model.store import MemoryDatabase
from tests.unit.engine.chain_model import GWEI
from tests.unit.engine.simulation import complete_the_model

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
TARGET = "0x" + "ab" * 20
COST = 10**16  # wei held back for gas of each


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


class Store(MemoryDatabase):
    """Counts waves of reads, commits and what is written of transactions."""

    def __init__(self, time: Time, latencies: Latencies) -> None:
        super().__init__(now=time.now)
        self.time, self.latencies, self.free = time, latencies, False
        self.written: Counter[str] = Counter()

    def read(self, *reads: Read) -> list[list[Any]]:
        if not self.free:
            self.time.trip("read", self.latencies.read)
        found = super().read(*reads)
        self.time.counts["rows"] += sum(map(len, found))
        return found

    def _commit(self, writes: list[Write]) -> datetime:
        if not self.free:
            self.time.trip("commit", self.latencies.commit)
            self.written.update(write.table for write in writes)
        return super()._commit(writes)


@dataclass(frozen=True)
class Block:
    number: int
    hash: str
    parent: str
    timestamp: int
    hashes: tuple[str, ...]


class Node:
    """A chain that mines as time goes, as much as comes; `shared.chain.rpc.Rpc` twice over, by `name`."""

    def __init__(self, time: Time, latencies: Latencies, chain: str, final_seconds: float) -> None:
        self.time, self.latencies, self.spec = time, latencies, Registry.DEFAULT.chain(chain)
        self.final_blocks = int(final_seconds / self.spec.block_seconds)
        self.final_at: int | None = None  # finality stands still at this height
        self.mining = True
        self.blocks: list[Block] = []
        self.pool: dict[str, dict[int, str]] = {}
        self.counts: dict[str, list[tuple[int, int]]] = {}  # by sender: (height, count), ascending
        self.where: dict[str, tuple[int, str]] = {}
        self.skipped = 0  # blocks that were not mined while it stood still
        self.add(())

    def close(self) -> None: ...

    def add(self, hashes: Sequence[str]) -> Block:
        number = len(self.blocks)
        parent = self.blocks[-1].hash if self.blocks else "0x" + "00" * 32
        stamp = int(START.timestamp() + self.time.now_seconds)
        block = Block(number, f"0x{number + 1:064x}", parent, stamp, tuple(hashes))
        self.blocks.append(block)
        self.where.update((one, (number, block.hash)) for one in hashes)
        return block

    def catch_up(self) -> None:
        """Mine what is due by now."""
        wanted = int(self.time.now_seconds / self.spec.block_seconds) - self.skipped
        while wanted >= len(self.blocks) - self.base:
            if not self.mining:
                self.skipped += 1
                wanted -= 1
                continue
            taken: list[str] = []
            for sender, waiting in self.pool.items():
                count = self.count(sender, len(self.blocks) - 1)
                first = count
                while count in waiting:
                    taken.append(waiting.pop(count))
                    count += 1
                if count > first:
                    self.counts.setdefault(sender, []).append((len(self.blocks), count))
            self.add(taken)

    base = 1  # blocks that were there before time began

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
        data = bytes.fromhex(raw[2:])
        decoded, public_key = decode_signed(data)
        from shared.keys.accounts import address_of_public_key
        from tests.unit.engine.faulty_node import _keccak

        digest = "0x" + _keccak(data).hex()
        self.pool.setdefault(address_of_public_key(public_key).lower(), {})[decoded.nonce] = digest
        return digest

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


class Named:
    """One of two ways to the same node."""

    def __init__(self, node: Node, name: str) -> None:
        self.node, self.name = node, name
        self.call, self.batch, self.close = node.call, node.batch, node.close


class SideBySide(Pool):
    """Where all endpoints are asked at once, it takes as long as one."""

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


class Behind:
    """`broadcast.BroadcastQueue` on the reckoned clock: what it sends runs beside its caller, in order."""

    time: Time

    def __init__(self) -> None:
        self.free_at = 0.0

    def send(self, client: Any, stored: Any) -> None:
        began = self.time.now_seconds
        self.time.now_seconds = max(began, self.free_at)
        broadcast.send(client, stored)
        self.free_at, self.time.now_seconds = self.time.now_seconds, began

    def __enter__(self) -> Behind:
        return self

    def __exit__(self, *error: object) -> None:
        self.time.now_seconds = max(self.time.now_seconds, self.free_at)


class Scale:
    """The engine over all of this; `instances` of it, each with a memory of its own."""

    def __init__(self, chain: str, *, commit: float, final_seconds: float = 1_200.0) -> None:
        self.time, self.latencies = Time(), Latencies(commit=commit)
        self.store = Store(self.time, self.latencies)
        self.node = Node(self.time, self.latencies, chain, final_seconds)
        self.chain, self.spec, self.rng = chain, self.node.spec, random.Random(7)
        self.vault = LocalVault(MasterKeys.generate(), production=False)
        self.wallets: list[Wallet] = []
        self.number = 0

    def client(self) -> ChainClient:
        def slept(seconds: float) -> None:
            self.time.pass_by(seconds)

        endpoints = [
            Endpoint(Named(self.node, f"{self.chain}#{at}"), self.spec.chain_id, rate=1.0, burst=1e12,
                     clock=self.time.seconds, sleep=slept)
            for at in range(2)
        ]  # fmt: skip
        return ChainClient(self.spec, SideBySide(endpoints, self.time), seconds=self.time.seconds)

    @contextlib.contextmanager
    def instance(self, hints: EngineHints, client: ChainClient, run_seconds: float) -> Iterator[None]:
        """One process of it, in a run that has so much time."""
        began = self.time.now_seconds

        def remaining(cap: float) -> float:
            return max(0.001, min(cap, run_seconds - (self.time.now_seconds - began)))

        clock = SimpleNamespace(monotonic=self.time.seconds)
        Behind.time = self.time
        with (
            mock.patch.object(tick, "remaining_seconds", remaining),
            mock.patch.object(bucket_visit, "remaining_seconds", remaining),
            mock.patch.object(bucket_visit, "time", clock),
            mock.patch.object(tick, "side_by_side", self.by_turns),
            mock.patch.object(broadcast, "BroadcastQueue", Behind),
            resources.override(EngineHints=hints, **{f"chain:{self.chain}": client}),
            running(Context("tick_chain", "req_scale", deadline_in(3_000))),
        ):
            yield

    def by_turns(self, wanted: Sequence[T], work: Callable[[T], Any]) -> list[Any]:
        """As `tick.side_by_side`: each begins when one of the workers is free, and it is over with the last."""
        free = [self.time.now_seconds] * tick.WORKERS
        answers = []
        for one in wanted:
            at = free.index(min(free))
            self.time.now_seconds = free[at]
            answers.append(work(one))
            free[at] = self.time.now_seconds
        self.time.now_seconds = max(free)
        return answers

    @contextlib.contextmanager
    def open(self) -> Iterator[Scale]:
        complete_the_model()
        settings = replace(load({}), rpc_urls={self.chain: ("http://unused",)})
        with (
            mock.patch.object(outbox_relay, "after_commit", lambda changes, committed_at: None),
            resources.override(
                fresh=True, settings=settings, vault=self.vault, clock=self.time, cache=NoCache(),
                database=self.store, **{f"chain:{self.chain}": self.client()},
            ),
        ):  # fmt: skip
            yield self

    # — what is there

    def add_wallets(self, number: int) -> None:
        with self.untimed():
            for _ in range(number):
                self._add_wallet()

    @contextlib.contextmanager
    def untimed(self) -> Iterator[None]:
        """What was there before, and costs nothing."""
        self.store.free = True
        try:
            yield
        finally:
            self.store.free = False

    def _add_wallet(self) -> None:
        key, name = self.rng.randbytes(32), len(self.wallets)
        address, user = address_of(key), f"usr_{name}"
        wallet = Wallet(
            f"wal_{name}", user, "w", self.chain, "imported", address, None, None, None, f"key_{name}", "active",
            None, 1, START, START,
        )  # fmt: skip
        sealed = self.vault.seal(key, Binding(user, wallet.id, "private_key", 1))
        stored = VaultKey(
            wallet.key_id, "private_key", sealed.to_bytes(), sealed.master_key_id, 1, START, START
        )
        funds = Funds(
            self.chain, address, "", 10**26, 10**26, 0, 10**30, 0, NEVER, 1, START, START
        )  # as if more were in flight
        self.store.write(
            [
                WALLETS.write("insert", wallet),
                VAULT_KEYS.write("insert", stored),
                FUNDS.write("insert", funds),
            ]
        )
        self.wallets.append(wallet)

    def accept(self, wallet: Wallet, number: int) -> None:
        """So many accepted of one wallet, all at once."""
        with self.untimed():
            self.store.write([TRANSACTIONS.write("insert", self._accepted(wallet)) for _ in range(number)])

    def _accepted(self, wallet: Wallet) -> Transaction:
        self.number += 1
        intent = Intent(wallet.id, wallet.user_id, self.chain, wallet.address, TARGET, value=1)
        name = f"txn_{self.number:07}"
        now = self.time.now() + timedelta(microseconds=self.number % 1_000)
        return acceptance.accept(
            replace(intent, gas=21_000), name, "usr", name, now, committed_value=1, committed_gas=COST
        )

    def count(self, wanted: Callable[[dict[str, Any]], bool]) -> int:
        return sum(map(wanted, self.store.rows["transactions"].values()))

    # — what works on it

    def drive(
        self,
        instances: int,
        done: Callable[[], bool],
        *,
        limit: float,
        meanwhile: Callable[[], None] | None = None,
    ) -> float:
        """Passes of so many instances, each at block time, until it is done; the seconds that took. Raises TimeoutError
        after `limit` seconds. Who is behind the others goes next, so that a pass is one step."""
        began = self.time.now_seconds
        workers = [Instance(EngineHints(), self.client(), began, f"own_{at}") for at in range(instances)]
        while not done():
            worker = min(workers, key=lambda one: one.at)
            if worker.at - began > limit:
                raise TimeoutError(f"not done after {limit:.0f} s")
            self.time.now_seconds = worker.at
            if meanwhile is not None:
                meanwhile()
            if worker.run_ends - worker.at < bucket_visit.STOP_BEFORE:
                worker.run_ends = worker.at + RUN_SECONDS
            with self.instance(worker.hints, worker.client, worker.run_ends - worker.at):
                tick.run_pass(self.chain, tick.Holder(worker.owner, 20.0, self.spec.block_seconds))
            took = self.time.now_seconds - worker.at
            worker.passes.append(took)
            worker.at += max(took, self.spec.block_seconds)
        self.passes = [took for worker in workers for took in worker.passes]
        return max(worker.at for worker in workers) - began


RUN_SECONDS = 58.0  # of a run of tick_chain


@dataclass
class Instance:
    """One process: what it remembers, and the moment it has come to."""

    hints: EngineHints
    client: ChainClient
    at: float
    owner: str
    run_ends: float = 0.0
    passes: list[float] = field(default_factory=list)
