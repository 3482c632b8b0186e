"""A chain, a store and a clock with simulated time: each round trip takes a configured time, and nobody waits.

The engine's own code runs over them on one thread. Parallel work is simulated in turns: each task begins when a worker
is free, and the whole ends with the last task. Of several processes, the one with the earliest clock runs next; a visit
of a bucket is one step. This machine's processor time does not count.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest import mock

from shared import resources
from shared.adapters.cache import NoCache
from shared.chain.client import ChainClient
from shared.chain.endpoints import Endpoint
from shared.chain.pool import T
from shared.domain.desk.funds import NEVER, Funds
from shared.domain.transactions import acceptance
from shared.domain.transactions.acceptance import Intent
from shared.domain.transactions.transactions import Transaction
from shared.domain.wallets.wallets import Wallet
from shared.engine import batch, broadcast, bucket_visit, tick
from shared.engine.pending import Marks
from shared.engine.process_hints import EngineHints
from shared.keys.accounts import address_of
from shared.keys.local_vault import LocalVault, MasterKeys
from shared.keys.vault import Binding
from shared.runtime.context import Context, deadline_in, running
from shared.settings import load
from shared.store.tables.supplies import FUNDS
from shared.store.tables.transactions import TRANSACTIONS
from shared.store.tables.wallets import VAULT_KEYS, WALLETS, VaultKey
from shared.writes import outbox_relay
from tests.support.modelled_node import START, Latencies, Named, Node, SideBySide, Time
from tests.support.modelled_store import Lives, Store
from tests.unit.engine.simulation import complete_the_model, send_new

TARGET = "0x" + "ab" * 20
FINAL_SECONDS = 1_200.0  # until a block is final
COST = 10**16  # wei reserved for the gas of each transaction


class NoView:
    """The content of an event: nobody reads it here, and making it would take a third of the processor's time."""

    def model_dump_json(self) -> str:
        return "{}"


class Behind:
    """`broadcast.BroadcastQueue` on the simulated clock: it stores and sends in order, in parallel to its caller."""

    time: Time
    node: Node

    def __init__(self) -> None:
        self.stored_at = self.free_at = 0.0

    def store(self, client: Any, commit_batch: Any) -> None:
        self.settle()
        began = self.time.now_seconds
        try:
            stored = commit_batch()
        finally:
            self.stored_at = self.time.now_seconds
        self.time.now_seconds = max(self.stored_at, self.free_at)
        self.node.expected = {
            f"0x{attempt.raw.hex()}": (row.from_address.lower(), row.nonce or 0, attempt.hash)
            for row, attempt in stored
        }  # recovering the senders from signatures would take a tenth of the processor's time
        send_new(client, stored)
        self.free_at, self.time.now_seconds = self.time.now_seconds, began

    def settle(self) -> None:
        self.time.now_seconds = max(self.time.now_seconds, self.stored_at)

    def __enter__(self) -> Behind:
        return self

    def __exit__(self, *error: object) -> None:
        self.time.now_seconds = max(self.time.now_seconds, self.stored_at, self.free_at)


class Scale:
    """The engine over all of this; `instances` of it, each with its own memory."""

    def __init__(self, chain: str, *, commit: float, final_seconds: float = FINAL_SECONDS) -> None:
        self.time, self.latencies = Time(), Latencies(commit=commit)
        self.node = Node(self.time, self.latencies, chain, final_seconds)
        self.store = Store(self.time, self.latencies, self.node.forget)
        self.chain, self.spec, self.rng = chain, self.node.spec, random.Random(7)
        self.vault = LocalVault(MasterKeys.generate(), production=False)
        self.wallets: list[Wallet] = []
        self.number = 0
        self.working: Instance

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
    def patched(self) -> Iterator[None]:
        """Run the engine on the simulated clock; `working` is the process whose turn it is."""

        def remaining(cap: float) -> float:
            return max(0.001, min(cap, self.working.run_ends - self.time.now_seconds))

        clock = SimpleNamespace(monotonic=self.time.seconds)
        Behind.time, Behind.node = self.time, self.node
        with (
            mock.patch.object(tick, "remaining_seconds", remaining),
            mock.patch.object(bucket_visit, "remaining_seconds", remaining),
            mock.patch.object(bucket_visit, "time", clock),
            mock.patch.object(tick, "side_by_side", self.by_turns),
            mock.patch.object(broadcast, "BroadcastQueue", Behind),
            mock.patch.object(batch, "view_of", lambda *_: NoView()),
        ):
            yield

    def by_turns(self, wanted: Sequence[T], work: Callable[[T], Any]) -> list[Any]:
        """Like `tick.side_by_side`: each task begins when a worker is free, and the whole ends with the last task."""
        free, me = [self.time.now_seconds] * tick.WORKERS, self.working
        answers = []
        for one in wanted:
            at = free.index(min(free))
            me.wait_for_turn(free[at])
            answers.append(work(one))
            free[at] = self.time.now_seconds
        me.wait_for_turn(max(free))
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

    # — the initial state

    def add_wallets(self, number: int) -> None:
        with self.untimed():
            for _ in range(number):
                self._add_wallet()

    @contextlib.contextmanager
    def untimed(self) -> Iterator[None]:
        """Create the initial state at no cost."""
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
        """Accept this number of transactions of one wallet, all at once."""
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

    @property
    def lives(self) -> Lives:
        return self.store.lives

    # — the workers

    def drive(
        self,
        instances: int,
        done: Callable[[], bool],
        *,
        limit: float,
        meanwhile: Callable[[], None] | None = None,
    ) -> float:
        """Run passes of this number of instances, each at block time, until `done`; returns the seconds that took. The
        instance furthest behind runs next. Raises TimeoutError after `limit` seconds."""
        began = self.time.now_seconds
        workers = [Instance(self, f"own_{at}") for at in range(instances)]
        with self.patched():
            while True:
                self.working = worker = min(workers, key=lambda one: one.at)
                if worker.passing is None:
                    if done():
                        break
                    if worker.at - began > limit:
                        raise TimeoutError(f"not done after {limit:.0f} s")
                    if meanwhile is not None:
                        self.time.now_seconds = worker.at
                        meanwhile()
                worker.go_on()
            for worker in workers:
                self.working = worker
                while worker.passing is not None:
                    worker.go_on()
        self.passes = [took for worker in workers for took in worker.passes]
        return max(worker.at for worker in workers) - began


RUN_SECONDS = 58.0  # of a run of tick_chain


class Instance:
    """One process: its memory and its current time. Its pass runs on a separate thread, and only between `go_on` and
    the next `wait_for_turn`."""

    def __init__(self, scale: Scale, owner: str) -> None:
        self.scale, self.owner, self.at = scale, owner, scale.time.now_seconds
        self.own: dict[str, Any] = {"EngineHints": EngineHints(), f"chain:{scale.chain}": scale.client()}
        self.run_ends, self.marks = 0.0, Marks()
        self.passes: list[float] = []
        self.passing: Future[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)

    def go_on(self) -> None:
        """Continue its pass, or begin one, until the next visit. Raises the errors of the pass."""
        if self.passing is None:
            self.passing = self._thread.submit(self._pass)
            self.passing.add_done_callback(lambda _: self._stopped.release())
        self.scale.time.now_seconds = self.at
        with resources.override(**self.own):
            self._go.release()
            self._stopped.acquire()
        if self.passing.done():
            passing, self.passing = self.passing, None
            passing.result()

    def wait_for_turn(self, at: float) -> None:
        """Let all other instances that are behind this moment run first; the pass calls it."""
        self.at = at
        self._stopped.release()
        self._go.acquire()
        self.scale.time.now_seconds = at

    def _pass(self) -> None:
        self._go.acquire()
        time, block = self.scale.time, self.scale.spec.block_seconds
        began = time.now_seconds
        if self.run_ends - began < bucket_visit.RESERVE_SECONDS:
            self.run_ends, self.marks = began + RUN_SECONDS, Marks()
        with running(Context("tick_chain", "req_scale", deadline_in(3_000))):
            tick.run_pass(self.scale.chain, tick.Holder(self.owner, 20.0, block), self.marks)
        self.passes.append(time.now_seconds - began)
        self.at = max(time.now_seconds, began + block)
