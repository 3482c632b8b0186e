"""Many large transactions at once: a pass keeps the bytes of only a few, but sends all of them."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.transactions.acceptance import MAX_DATA_BYTES
from shared.engine import accept, broadcast, intents, pending
from shared.engine.intents import Sender
from shared.writes import commit as commits
from tests.support.proof import figure
from tests.unit.engine.histories import accept_under
from tests.unit.engine.stepwise import StepwiseHistory

MANY = 96
GAS = 8_000_000  # the minimum cost of this much data
MEBIBYTE = 1 << 20


@pytest.fixture
def many(history: StepwiseHistory) -> StepwiseHistory:
    """This number of large transactions with a nonce, due and in no block."""
    history.node.faults.slots = 1024
    for number in range(MANY):
        history.attempt(lambda number=number: accept_large(history, f"txn_large{number:03}"))
    history.attempt(history.hint)
    assert [row.state for row in rows(history)] == ["submitted"] * MANY
    history.use(history.node)  # its errors would keep their subjects alive
    return history


def accept_large(history: StepwiseHistory, identity: str) -> None:
    sender, data = Sender.of_wallet(history.owner), b"\xff" * (MAX_DATA_BYTES - 1_000)
    intent = intents.build(sender, "0x" + "ab" * 20, value=1, data=data, gas=GAS)
    commits.commit(accept_under, accept.plan(intent, gas=GAS), identity)


def rows(history: StepwiseHistory) -> list[Any]:
    return [row for row in history.rows() if row.id.startswith("txn_large")]


def peak_of_a_pass(history: StepwiseHistory) -> float:
    """Maximum memory in MiB of a pass that sends everything again; each read returns a copy, like over a network."""
    history.clock.moment += timedelta(seconds=70)
    history.node.pool.clear()
    real = history.database.read

    def copied(*reads: Any) -> Any:
        return [
            [{k: bytes(bytearray(v)) if isinstance(v, bytes) else v for k, v in row.items()} for row in found]
            for found in real(*reads)
        ]

    history.database.read = copied
    tracemalloc.start()
    history.attempt(history.tick)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    history.database.read = real
    return peak / MEBIBYTE


def test_a_pass_holds_the_bytes_of_a_few(many: StepwiseHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [row.version for row in rows(many)]
    peak = peak_of_a_pass(many)
    assert len(many.node.pool) == MANY
    assert all(row.version > version for row, version in zip(rows(many), before, strict=True)), (
        "all were sent"
    )
    with monkeypatch.context() as patch:
        patch.setattr(pending, "FULL_ROWS", 10**6)
        everything = peak_of_a_pass(many)
    figure(
        "a pass", "model", f"{MANY} large transactions: {peak:.0f} MiB at most, {everything:.0f} read whole"
    )
    assert peak < 0.5 * everything


def test_the_failure_of_some_keeps_back_no_others(
    many: StepwiseHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, first = broadcast.write_answers, rows(many)[0].id

    def record(unit: Any, lane_id: str, sent: Any, block_seconds: float) -> None:
        assert all(one.transaction.id != first for one in sent), "a defect about this one"
        real(unit, lane_id, sent, block_seconds)

    before = [row.version for row in rows(many)]
    many.clock.moment += timedelta(seconds=70)
    many.node.pool.clear()
    with monkeypatch.context() as patch:
        patch.setattr(broadcast, "write_answers", record)
        many.attempt(many.tick)
    assert len(many.node.pool) == MANY
    changed = [row.version > version for row, version in zip(rows(many), before, strict=True)]
    assert changed.count(False) == pending.FULL_ROWS


def test_they_are_mined_and_final_in_the_end(many: StepwiseHistory) -> None:
    many.tick_through(20)
    assert all(row.finalized and row.state == "confirmed" for row in rows(many))
