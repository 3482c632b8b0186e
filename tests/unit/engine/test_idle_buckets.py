"""On chains of fast blocks, a bucket in which everything waits for finality costs few leases and misses nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.engine import tick
from shared.engine.pending import Marks
from shared.engine.tick import Holder
from shared.store.tables.transactions import LEASES
from tests.support.collected_telemetry import measured
from tests.unit.engine.stepwise import StepwiseHistory
from tests.unit.engine.test_backlogs import confirmed_rows

BLOCK = 0.25  # seconds
PROCESSES = [Holder(f"own_{letter}", 20.0, BLOCK) for letter in "ab"]


@pytest.fixture
def waiting(history: StepwiseHistory) -> StepwiseHistory:
    """Ten confirmed transactions of one bucket, while finality stands still."""
    history.client.spec = replace(history.client.spec, has_finalized=True, block_seconds=BLOCK)
    history.node.stalled = len(history.node.blocks) - 3  # finality asks for one block more than is final
    confirmed_rows(history, 10)
    passes(history, 2)
    return history


def passes(history: StepwiseHistory, seconds: float) -> list[bool]:
    """Each process makes one pass per block time; returns whether each pass continues."""
    going: list[bool] = []
    for _ in range(int(seconds / BLOCK)):
        history.clock.moment += timedelta(seconds=BLOCK)
        for holder in PROCESSES:
            history.attempt(lambda holder=holder: going.append(tick.run_pass("local", holder, Marks())))
    return going


def lease_rows(history: StepwiseHistory, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The rows of leases that are written from now on."""
    rows, real = [], history.database._commit

    def commit(writes: Any) -> Any:
        rows.extend(write for write in writes if write.table == LEASES.name)
        return real(writes)

    monkeypatch.setattr(history.database, "_commit", commit)
    return rows


def test_an_idle_bucket_costs_two_rows_every_two_seconds(
    waiting: StepwiseHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = lease_rows(waiting, monkeypatch)
    going = passes(waiting, 20)
    assert 2 * 9 <= len(rows) <= 2 * 10, "of one of the two processes, not at each block"
    assert all(going), "who finds nothing due goes on looking"


def test_a_bucket_is_visited_at_once_when_something_is_due(waiting: StepwiseHistory) -> None:
    waiting.node.stalled = None
    passes(waiting, 2 * BLOCK)
    assert all(row.finalized for row in waiting.rows()), "both heads that finality needs, and no wait"
    waiting.attempt(waiting.accept)
    passes(waiting, BLOCK)
    assert waiting.row(1).state == "submitted"


def test_a_block_that_is_gone_is_noticed_within_two_seconds(history: StepwiseHistory) -> None:
    spec = history.client.spec
    history.client.spec = replace(
        spec, block_seconds=BLOCK, confirmations=8
    )  # deep blocks are looked at anyway
    history.attempt(history.accept)
    passes(history, BLOCK)
    history.mine()
    passes(history, 2)
    gone = history.row(1).mined_block_hash
    assert history.row(1).state == "mined"
    history.node.reorganise(1)
    passes(history, 2 + BLOCK)
    assert history.row(1).mined_block_hash != gone


def test_an_idle_bucket_is_not_told_as_unvisited(
    waiting: StepwiseHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes(waiting, 100)
    with measured() as metrics:
        passes(waiting, BLOCK)
        assert metrics.value("wallet_bucket_unvisited_seconds", chain="local") <= 2
        monkeypatch.setattr(tick, "remaining_seconds", lambda cap: 0.0)
        passes(waiting, 100)
        assert metrics.value("wallet_bucket_unvisited_seconds", chain="local") == pytest.approx(100, abs=5)
