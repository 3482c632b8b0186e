"""What a block costs the index: with 10,000 followed contracts and 100 events a block, beside ten followed contracts.

The chain is a model in memory, so a node's own time is left out; the database is the emulator, which is slower than
Spanner in everything. One contract in ten has its events announced.
"""

from __future__ import annotations

import random
import statistics
import time
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from shared import resources
from shared.chain.client import ChainClient
from shared.chain.endpoints import Endpoint
from shared.chain.pool import Pool
from shared.chain.registry import Registry
from shared.contracts.events import run as index_run
from shared.domain.contracts import contracts as contract_rules
from shared.domain.contracts import follows as rules
from shared.domain.contracts.follows import FollowedAddress
from shared.keys.addresses import checksummed
from shared.runtime.context import running
from shared.store.port import Write
from shared.store.session import Session
from shared.store.tables.contract_events import EVENTS, FOLLOWED, FOLLOWS
from shared.store.tables.contracts import CONTRACTS
from tests.emulated.conftest import Recorder
from tests.emulated.engine.world import as_system
from tests.support.bench import Bench
from tests.unit.contracts.log_chain import LogChain, ModelBlock, ModelNode, digest

MANY, FEW, EVENTS_A_BLOCK, BLOCKS = 10_000, 10, 100, 12
ABI = '[{"type":"event","name":"E","anonymous":false,"inputs":[]}]'
MOST, GOAL = 3.0, 1.5  # times what a block costs with few followed contracts


class FullChain(LogChain):
    """Each block has EVENTS_A_BLOCK logs, of as many of the addresses as there are."""

    def mine(self, count: int = 1) -> None:
        for _ in range(count):
            number, parent = len(self.blocks), self.blocks[-1].hash if self.blocks else "0x" + "00" * 32
            chosen = self.rng.sample(self.addresses, min(EVENTS_A_BLOCK, len(self.addresses)))
            logs = tuple((chosen[at % len(chosen)], "0x" + "00" * 32) for at in range(EVENTS_A_BLOCK))
            self.blocks.append(ModelBlock(number, digest(parent, number), parent, logs, ()))


def run(bench: Bench) -> None:
    with resources.override(publisher=Recorder()):
        few = _blocks(bench, FEW)
        many = _blocks(bench, MANY)
    bench.limit(f"a block with {MANY:,} followed contracts, beside {FEW}", many / few, MOST, GOAL)


def _blocks(bench: Bench, followed: int) -> float:
    """Median seconds of a block."""
    chain = f"bench{followed}"
    addresses = [f"0x{followed:08x}{number:032x}" for number in range(followed)]
    model = FullChain(random.Random(7), addresses, [])
    local = resources.registry().chain("local")
    spec = replace(local, name=chain)
    registry = Registry(MappingProxyType({**resources.registry().chains, chain: spec}))
    client = ChainClient(spec, Pool([Endpoint(ModelNode("model", model), spec.chain_id)]))
    with (
        resources.override(registry=registry, **{f"chain:{chain}": client}),
        running(as_system("index_chain", 600)),
    ):
        _follow(chain, addresses)
        index_run.run_pass(client)
        times = []
        for _ in range(BLOCKS):
            model.mine()
            began = time.perf_counter()
            index_run.run_pass(client)
            times.append(time.perf_counter() - began)
        hashes = {block.hash for block in model.blocks[-BLOCKS:]}
        stored = Session(resources.database().snapshot()).many(EVENTS.below((chain, one) for one in hashes))
    assert len(stored) == BLOCKS * EVENTS_A_BLOCK, len(stored)
    bench.figure(
        f"a block of {EVENTS_A_BLOCK} events, {followed:,} followed", statistics.median(times) * 1e3, "ms"
    )
    return statistics.median(times)


def _follow(chain: str, addresses: list[str]) -> None:
    now = datetime.now(UTC)
    writes: list[Write] = []
    for number, address in enumerate(addresses):
        known = f"ctr_{chain}_{number}"
        contract = contract_rules.new_contract(
            contract_id=known, user_id=f"usr_{number % 50}", name="c", chain=chain, kind="custom", abi=ABI,
            address=checksummed(bytes.fromhex(address[2:])), now=now,
        )  # fmt: skip
        follow = rules.new_follow(
            contract_id=known, user_id=f"usr_{number % 50}", chain=chain, address=address, from_block=0,
            confirmations=1, announced=number % 10 == 0, now=now,
        )  # fmt: skip
        row = FollowedAddress(chain, address, True, None, 0, 0, 0)
        writes += [CONTRACTS.write("insert", contract), FOLLOWS.write("insert", follow)]
        writes.append(FOLLOWED.write("insert", row))
    for at in range(0, len(writes), 600):
        resources.database().write(writes[at : at + 600])
