"""The cost of following many contracts: a block of 100 events with 10,000 followed contracts, compared with the same
block with only as many followed contracts as log in it.

Both have the same work in a block: a hundred contracts log one event each, and ten of these are announced. They take
turns, so that a busy machine and an ageing emulator affect both. The chain is a model in memory, so that a node's own
time does not count; the database is the emulator, which is slower than Spanner in everything.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from shared import resources
from shared.chain.client import ChainClient
from shared.chain.endpoints import Endpoint
from shared.chain.pool import Pool
from shared.chain.registry import ChainSpec, Registry
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

MANY, FEW, EVENTS_A_BLOCK, BLOCKS, WARM = 10_000, 100, 100, 12, 2
ANNOUNCED = 10  # one contract in this many
ABI = '[{"type":"event","name":"E","anonymous":false,"inputs":[]}]'
MOST = 1.5  # times the cost of a block with few followed contracts


class FullChain(LogChain):
    """In each block a new sample of a hundred addresses logs, always with the same number of announced ones."""

    def mine(self, count: int = 1) -> None:
        for _ in range(count):
            number, parent = len(self.blocks), self.blocks[-1].hash if self.blocks else "0x" + "00" * 32
            told = self.rng.sample(self.addresses[::ANNOUNCED], EVENTS_A_BLOCK // ANNOUNCED)
            silent = [one for at, one in enumerate(self.addresses) if at % ANNOUNCED]
            chosen = told + self.rng.sample(silent, EVENTS_A_BLOCK - len(told))
            logs = tuple((address, "0x" + "00" * 32) for address in sorted(chosen))
            self.blocks.append(ModelBlock(number, digest(parent, number), parent, logs, ()))


@dataclass
class Followed:
    """A separate chain with an index, and the duration of each block."""

    chain: str
    model: FullChain
    client: ChainClient
    times: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, count: int, local: ChainSpec) -> Followed:
        chain = f"bench{count}"
        addresses = [f"0x{count:08x}{number:032x}" for number in range(count)]
        model, spec = FullChain(random.Random(7), addresses, []), replace(local, name=chain)
        return cls(
            chain, model, ChainClient(spec, Pool([Endpoint(ModelNode("model", model), spec.chain_id)]))
        )

    def block(self) -> None:
        self.model.mine()
        began = time.perf_counter()
        index_run.run_pass(self.client)
        self.times.append(time.perf_counter() - began)

    def stored(self) -> int:
        hashes = {block.hash for block in self.model.blocks[-BLOCKS:]}
        events = EVENTS.below((self.chain, one) for one in hashes)
        return len(Session(resources.database().snapshot()).many(events))


def run(bench: Bench) -> None:
    known = resources.registry().chains
    local = known["local"]
    few, many = Followed.of(FEW, local), Followed.of(MANY, local)
    registry = Registry(MappingProxyType({**known, few.chain: few.client.spec, many.chain: many.client.spec}))
    clients: dict[str, Any] = {f"chain:{one.chain}": one.client for one in (few, many)}
    with (
        resources.override(publisher=Recorder(), registry=registry, **clients),
        running(as_system("index_chain", 600)),
    ):
        for one in (few, many):
            _follow(one.chain, one.model.addresses)
            index_run.run_pass(one.client)
        for number in range(BLOCKS + WARM):
            for one in (few, many) if number % 2 else (many, few):
                one.block()
        for one in (few, many):
            assert one.stored() == BLOCKS * EVENTS_A_BLOCK, (one.chain, one.stored())
    ours, floor = ([1e3 * second for second in one.times[WARM:]] for one in (many, few))
    what = f"a block of {EVENTS_A_BLOCK} events with {MANY:,} followed contracts"
    bench.compared(what, ours, floor, than=f"with {FEW}", unit="ms", most=MOST)


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
            confirmations=1, announced=number % ANNOUNCED == 0, now=now,
        )  # fmt: skip
        row = FollowedAddress(chain, address, True, None, 0)
        writes += [CONTRACTS.write("insert", contract), FOLLOWS.write("insert", follow)]
        writes.append(FOLLOWED.write("insert", row))
    for at in range(0, len(writes), 600):
        resources.database().write(writes[at : at + 600])
