"""A block with more events than a commit may hold is taken back in slices; the process may die between any two."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("tests.model.store")

from shared.contracts.events import factories, following, live, rolling_back, run
from shared.domain.contracts import follows as follow_rules
from shared.store.session import Session
from shared.store.table import TABLES
from shared.store.tables.contract_events import BLOCKS, EVENTS
from shared.writes.commit import commit
from tests.model.store import Faults
from tests.unit.contracts.index_histories import NOW, IndexHistory, Killed
from tests.unit.contracts.log_chain import ModelBlock, digest

LOGS = 20
SLICE = 3
SLICES = LOGS // SLICE + 1


class LargeBlock(IndexHistory):
    """An announced contract with LOGS events in one block, on a chain without faults."""

    def begin(self) -> None:
        self.client = self.calm()
        assert live.open_index(self.client) is not None
        self.database.faults, self.first = Faults(), len(self.chain.blocks)
        wish = follow_rules.new_follow(
            contract_id="ctr_0", user_id="usr_1", chain="local", address=self.chain.addresses[0],
            from_block=len(self.chain.blocks), confirmations=2, announced=True, now=NOW,
        )  # fmt: skip
        commit(lambda unit: following.follow(unit, wish, keep_start=False) and None)
        self.passes(3)

    def large(self) -> ModelBlock:
        """Add a block with the events, and bury it deep enough that they are announced."""
        logs = tuple((self.chain.addresses[0], "0x" + f"{number:064x}") for number in range(LOGS))
        made = self.add(logs)
        for _ in range(4):
            self.add()
        return made

    def add(self, logs: tuple[tuple[str, str], ...] = ()) -> ModelBlock:
        last = self.chain.blocks[-1]
        number = last.number + 1
        made = ModelBlock(number, digest(last.hash, number, len(self.told), logs), last.hash, logs, ())
        self.chain.blocks.append(made)
        self.told["added"] += 1
        self.told[f"added {self.told['added']}"] += 1  # another hash for each
        return made

    def replace(self, block: ModelBlock, by: int) -> list[ModelBlock]:
        """Replace the block and all after it by this number of empty ones; returns the former chain."""
        former = list(self.chain.blocks)
        del self.chain.blocks[block.number :]
        for _ in range(by):
            self.add()
        return former

    def passes(self, times: int) -> None:
        for _ in range(times):
            run.run_pass(self.client)

    def stored(self) -> list[Any]:
        return [
            one
            for one in Session(self.database.snapshot()).many(EVENTS.scan())
            if one.address == self.chain.addresses[0] and one.block_number >= self.first
        ]

    def index_row(self) -> Any:
        return Session(self.database.snapshot()).one(TABLES["chain_indexes"].get("local"))

    def announced(self, block: ModelBlock) -> list[str]:
        """The kinds of announcements about a block, in order."""
        rows = Session(self.database.snapshot()).many(TABLES["outbox"].scan())
        told = [row.envelope for row in rows if row.envelope["data"].get("block_hash") == block.hash]
        return [one["type"] for one in sorted(told, key=lambda one: int(one["sequence"]))]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[LargeBlock]:
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    history = LargeBlock(2)
    with monkeypatch.context() as patch, history.stage(patch):
        patch.setattr(factories, "EVENTS_AT_ONCE", SLICE)
        history.begin()
        yield history


def die_after(monkeypatch: pytest.MonkeyPatch, slices: int) -> Counter[str]:
    """The process dies once, after this number of slices."""
    real, seen = rolling_back._take_back, Counter[str]()

    def take_back(*args: Any) -> Any:
        if seen["slices"] == slices:
            seen["slices"] = -1000
            raise Killed
        seen["slices"] += 1
        return real(*args)

    monkeypatch.setattr(rolling_back, "_take_back", take_back)
    return seen


def killed_pass(stage: LargeBlock) -> None:
    with pytest.raises(Killed):
        stage.passes(1)


def test_a_commit_deletes_a_slice(stage: LargeBlock, monkeypatch: pytest.MonkeyPatch) -> None:
    block = stage.large()
    stage.passes(3)
    assert len(stage.stored()) == LOGS
    sizes: list[int] = []
    real = stage.database._commit

    def counted(writes: Any) -> Any:
        sizes.append(sum(one.kind == "delete" and one.table == EVENTS.name for one in writes))
        return real(writes)

    monkeypatch.setattr(stage.database, "_commit", counted)
    stage.replace(block, 6)
    stage.passes(3)
    assert stage.stored() == [] and sum(sizes) == LOGS
    assert max(sizes) == SLICE


@pytest.mark.parametrize("slices", range(1, SLICES))
def test_a_crash_between_two_slices(stage: LargeBlock, monkeypatch: pytest.MonkeyPatch, slices: int) -> None:
    block = stage.large()
    stage.passes(3)
    stage.replace(block, 6)
    die_after(monkeypatch, 4 + slices)  # the four blocks above it come first
    killed_pass(stage)
    left = stage.stored()
    assert len(left) == max(0, LOGS - slices * SLICE)
    assert stage.index_row().number == block.number - 1
    assert all(one.block_number > stage.index_row().final_number for one in left), "none is final"
    stage.passes(1)
    assert stage.stored() == [] and stage.index_row().number == stage.chain.blocks[-1].number
    assert stage.announced(block) == ["contract.event", "contract.events_reorged"]


def test_what_a_late_run_finds_half_taken_back_never_becomes_final(
    stage: LargeBlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chain has become much longer meanwhile, so that the heights of the removed block are final."""
    block = stage.large()
    stage.passes(3)
    stage.replace(block, 6)
    die_after(monkeypatch, 5)
    killed_pass(stage)
    for _ in range(60):
        stage.add()
    final: list[bool] = []
    real = stage.database._commit

    def counted(writes: Any) -> Any:
        committed = real(writes)
        reached = stage.index_row().final_number
        final.extend(one.block_number <= reached for one in stage.stored() if one.block_hash == block.hash)
        return committed

    monkeypatch.setattr(stage.database, "_commit", counted)
    stage.passes(10)
    assert final and not any(final)
    assert stage.stored() == []


@pytest.mark.parametrize("slices", [1, 3, SLICES - 1])
def test_a_block_that_comes_back_is_complete(
    stage: LargeBlock, monkeypatch: pytest.MonkeyPatch, slices: int
) -> None:
    block = stage.large()
    stage.passes(3)
    former = stage.replace(block, 6)
    die_after(monkeypatch, 4 + slices)
    killed_pass(stage)
    stage.chain.blocks = former
    for _ in range(4):
        stage.add()
    stage.passes(4)
    assert len(stage.stored()) == LOGS
    assert stage.announced(block) == ["contract.event", "contract.events_reorged", "contract.event"]
    rows = Session(stage.database.snapshot()).many(BLOCKS.scan("local"))
    assert not any(one.taken_back for one in rows)
