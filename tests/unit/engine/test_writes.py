"""How often the engine writes the row of a transaction, and how many lanes share a commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from shared.chain.types import Nonces
from shared.domain.transactions import lanes
from shared.engine import nonce_sync
from shared.store.tables.transactions import LANES
from tests.unit.engine.simulation import START
from tests.unit.engine.stepwise import StepwiseHistory


def committed(history: StepwiseHistory, work: Callable[[], None]) -> list[list[str]]:
    """The tables of the rows that each commit of this work wrote."""
    commits, real = [], history.database._commit

    def commit(writes: Any) -> Any:
        commits.append([write.table for write in writes])
        return real(writes)

    history.database._commit = commit
    try:
        work()
    finally:
        history.database._commit = real
    return commits


@pytest.mark.parametrize(("block_seconds", "written"), [(1.0, 4), (2.0, 4), (12.0, 5)])
def test_a_transaction_is_written_when_signed_mined_at_depth_and_final(
    history: StepwiseHistory, block_seconds: float, written: int
) -> None:
    """Where blocks take longer than new bytes wait, that a node took them is written too, once for all blocks."""
    history.client.spec = replace(history.client.spec, block_seconds=block_seconds)
    history.attempt(history.accept)
    commits = committed(history, lambda: [history.attempt(history.hint), history.tick_through(10)])
    row = history.row(1)
    assert (row.state, row.finalized, row.version) == (
        "confirmed",
        True,
        1 + written + 1,
    )  # given a nonce, too
    assert sum(tables.count("transactions") for tables in commits) == written


def test_bytes_that_were_lost_behind_their_commit_are_sent_again(history: StepwiseHistory) -> None:
    history.node.faults.swallow = 1.0
    history.attempt(history.accept)
    history.attempt(history.hint)
    assert history.row(1).state == "submitted" and not history.node.pool
    history.node.faults.swallow = 0.0
    history.tick_through(3)
    assert history.row(1).state in ("mined", "confirmed")
    history.tick_through(8)
    assert history.row(1).finalized and history.row(1).attempt_count == 1


def test_the_counts_of_many_lanes_are_stored_in_one_commit(history: StepwiseHistory) -> None:
    many = [
        lanes.open_lane("local", f"0x{number:040x}", latest=0, pending=0, finalized=0, now=START)
        for number in range(nonce_sync.MAX_SYNCED)
    ]
    many = [replace(lane, next_nonce=5) for lane in many]
    history.database.write([LANES.write("insert", lane) for lane in many])
    counts = {lane.id: Nonces(3, 3, 1, 0) for lane in many}
    view: Any = SimpleNamespace(now=START)
    first = committed(history, lambda: history.attempt(lambda: nonce_sync.sync(view, many, counts)))
    assert [tables.count("lanes") for tables in first] == [nonce_sync.MAX_SYNCED]
    known = [replace(lane, chain_nonce=3, finalized_nonce=1) for lane in many]
    assert not committed(history, lambda: history.attempt(lambda: nonce_sync.sync(view, known, counts)))
