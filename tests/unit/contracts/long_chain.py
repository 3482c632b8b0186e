"""A long chain on a node without faults, with an index that takes few steps in a pass."""

from __future__ import annotations

from typing import Any

from shared.contracts.events import following, live, run
from shared.domain.contracts import follows as follow_rules
from shared.domain.contracts.events import EventNotice
from shared.store.session import Session
from shared.store.tables.contract_events import EVENTS, NOTICES
from shared.writes.commit import commit
from tests.model.store import Faults
from tests.unit.contracts.index_histories import NOW, IndexHistory
from tests.unit.contracts.log_chain import ModelBlock, digest

BLOCKS = 200
TOPIC = "0x" + "00" * 32


class LongChain(IndexHistory):
    """A chain of BLOCKS blocks with one event in each, on a node without faults. A pass fills one range of 4 blocks."""

    def begin(self) -> None:
        self.client = self.calm()
        self.database.faults = Faults()
        for number in range(len(self.chain.blocks), BLOCKS):
            last = self.chain.blocks[-1]
            logs = ((self.chain.addresses[number % 4], TOPIC),)
            self.chain.blocks.append(ModelBlock(number, digest(last.hash, number, logs), last.hash, logs, ()))
        assert live.open_index(self.client) is not None
        run.run_pass(self.client)

    def follow(self, contract_id: str, user: str, address: str, since: int, **more: Any) -> None:  # type: ignore[override]
        wish = follow_rules.new_follow(
            contract_id=contract_id, user_id=user, chain="local", address=address, from_block=since,
            now=NOW, **({"announced": False, "confirmations": 1} | more),
        )  # fmt: skip
        commit(lambda unit: following.follow(unit, wish, keep_start=False) and None)

    def passes(self, times: int) -> None:
        for _ in range(times):
            run.run_pass(self.client)

    def missing(self, address: str, since: int) -> int:
        """How many events of an address since a block are not stored."""
        rows = Session(self.database.snapshot()).many(EVENTS.scan())
        stored = {(one.block_hash, one.log_index) for one in rows if one.address == address}
        heights = {block.hash: block.number for block in self.chain.blocks}
        return len({one for one in self.chain.logs_of(address) if heights[one[0]] >= since} - stored)

    def emit(self, address: str) -> None:
        """A block with an event of this address, and a pass."""
        last = self.chain.blocks[-1]
        number, logs = last.number + 1, ((address, TOPIC),)
        self.chain.blocks.append(ModelBlock(number, digest(last.hash, number, logs), last.hash, logs, ()))
        self.passes(1)

    def notices(self) -> list[EventNotice]:
        return Session(self.database.snapshot()).many(NOTICES.scan())
