"""Transactions that wait in blocks cost nothing and are not forgotten: buckets, their leases, their remembered
blocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.engine import accept, confirmation, intents, leases, pending, tick
from shared.engine.bucket_visit import Visit
from shared.engine.intents import Sender
from shared.engine.pending import Marks
from shared.engine.tick import Holder
from shared.runtime.clock import new_id
from shared.store.session import Session
from shared.store.tables.transactions import ENDED, LANE_SHARDS, LEASES, MINED
from shared.writes import commit as commits
from tests.unit.engine.histories import accept_under
from tests.unit.engine.stepwise import StepwiseHistory
from tests.unit.engine.test_backlogs import confirmed_rows


def costs(history: StepwiseHistory) -> dict[str, int]:
    """The reads, node calls and writes of a pass."""
    seen = {"rows": 0, "exchanges": 0, "writes": 0}
    database, node = history.database, history.node
    read, write, call, batch = database.read, database._commit, node.call, node.batch

    def reading(*reads: Any) -> Any:
        found = read(*reads)
        seen["rows"] += sum(map(len, found))
        return found

    def writing(writes: Any) -> Any:
        seen["writes"] += sum(one.table == "transactions" for one in writes)
        return write(writes)

    def calling(*args: Any) -> Any:
        seen["exchanges"] += 1
        return call(*args)

    def asking(calls: Any, *args: Any) -> Any:
        seen["exchanges"] += 1
        return batch(calls, *args)

    database.read, database._commit, node.call, node.batch = reading, writing, calling, asking
    try:
        history.mine()
        history.attempt(history.tick)
    finally:
        database.read, database._commit, node.call, node.batch = read, write, call, batch
    return seen


@pytest.mark.parametrize("waiting", [10, 300])
def test_what_waits_costs_nothing(history: StepwiseHistory, waiting: int) -> None:
    history.node.stalled = len(history.node.blocks) - 1
    history.client.spec = replace(history.client.spec, has_finalized=True)
    confirmed_rows(history, waiting)
    history.clock.moment += timedelta(minutes=10)
    history.attempt(history.tick)
    history.attempt(history.tick)
    seen = costs(history)
    assert seen["writes"] == 0
    assert seen["rows"] < 10 and seen["exchanges"] < 12, seen
    assert sum(not row.finalized for row in history.rows()) == waiting
    history.node.stalled = None
    history.tick_through(10)
    assert all(row.finalized for row in history.rows())


def two_in_one_block(history: StepwiseHistory) -> None:
    """Transactions of two wallets, whose lanes are in two buckets."""
    history.attempt(history.accept)
    first = pending.find("local")[0].bucket
    for number in range(2, 100):
        wallet = history.stored_wallet(f"{number}", history.rng.randbytes(32))
        planned = accept.plan(intents.build(Sender.of_wallet(wallet), "0x" + "ab" * 20, value=5), gas=None)
        history.attempt(lambda planned=planned: commits.commit(accept_under, planned, new_id("txn")))
        if any(work.bucket != first for work in pending.find("local")):
            break
    assert len(pending.find("local")) == 2
    history.attempt(history.tick)
    history.mine()


def test_two_buckets_have_their_own_in_one_block(history: StepwiseHistory) -> None:
    """With one endpoint each bucket must see its own receipts twice; neither may overwrite the other's observation."""
    history.use(history.node)
    two_in_one_block(history)
    history.tick_through(12)
    assert all(row.state == "confirmed" and row.finalized for row in history.rows())


def test_what_was_mined_below_what_is_remembered_is_seen_to_be_gone(history: StepwiseHistory) -> None:
    history.attempt(history.accept)
    history.attempt(history.hint)
    history.tick_through(1)
    assert history.row(1).state == "mined"
    history.node.reorganise(1)
    history.node.pool.clear()
    history.attempt(history.tick)
    history.attempt(history.tick)
    assert history.row(1).state in ("submitted", "mined")
    assert history.row(1).mined_block_hash in (None, *(block.hash for block in history.node.blocks))
    history.tick_through(12)
    assert history.row(1).finalized


def test_what_is_final_at_its_depth_already_is_written_once(
    history: StepwiseHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.attempt(history.accept)
    history.attempt(history.hint)
    for _ in range(8):
        history.mine()
    written: list[str] = []
    real = confirmation.commit

    def noted(body: Any, findings: Any, *rest: Any) -> Any:
        written.extend(one.what for one in findings)
        return real(body, findings, *rest)

    monkeypatch.setattr(confirmation, "commit", noted)
    history.attempt(history.tick)
    history.attempt(history.tick)
    assert (history.row(1).state, history.row(1).finalized, written) == ("confirmed", True, ["mined_final"])


def test_a_bucket_that_another_process_holds_is_left_to_it(history: StepwiseHistory) -> None:
    two_in_one_block(history)
    held, other = (work.bucket for work in pending.find("local"))
    assert leases.take(pending.bucket_lease("local", held), "own_other", 30)
    history.mine()
    history.attempt(history.tick)
    left = {work.bucket: work for work in pending.find("local")}
    assert [entry["state"] for entry in left[held].due] == ["submitted"]
    assert (not left[other].due and left[other].mined) or left[other].ended
    history.clock.moment += timedelta(seconds=31)
    history.tick_through(12)
    assert all(row.finalized for row in history.rows())


def test_nobody_else_looks_into_a_bucket_within_a_blocks_time(history: StepwiseHistory) -> None:
    history.attempt(history.accept)
    history.attempt(lambda: tick.run_pass("local", Holder("own_a", 20.0, 5.0)))
    assert not tick.run_pass("local", Holder("own_b", 20.0, 5.0))
    history.clock.moment += timedelta(seconds=5)
    history.attempt(lambda: tick.run_pass("local", Holder("own_b", 20.0, 5.0)))
    owners = {lease.owner for lease in Session(history.database.snapshot()).many(LEASES.scan())}
    assert owners == {"own_b"} and LANE_SHARDS == 16


def test_a_visit_that_has_lost_its_lease_neither_renews_it_nor_replaces_what_the_bucket_remembers(
    history: StepwiseHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process stands still while it visits a bucket, and the lease runs out. Others, who saw newer blocks, are done
    when it goes on."""
    history.attempt(history.accept)
    history.attempt(history.hint)
    history.tick_through(1)
    real, renewed = Visit.run, []

    def stand_still(visit: Visit) -> Any:
        monkeypatch.setattr(Visit, "run", real)
        found = visit.run()
        for _ in range(30):
            history.mine()
        assert tick.run_pass("local", Holder("own_b", 20.0, 0.0))
        renewed.append(visit._renew())
        return found

    monkeypatch.setattr(Visit, "run", stand_still)
    history.attempt(lambda: tick.run_pass("local", Holder("own_a", 20.0, 0.0)))
    (lease,) = Session(history.database.snapshot()).many(LEASES.scan())
    assert (renewed, lease.owner, lease.block_number) == ([False], "own_b", history.client.head().number)


def test_a_run_reads_its_queues_from_marks_and_misses_nothing(
    history: StepwiseHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: dict[str, list[Any]] = {"transactions_unmined": [], "transactions_in_blocks": []}
    real = history.database.read

    def reading(*reads: Any) -> Any:
        for one in reads:
            if one.index in began and one.span is not None:
                began[one.index].append(one.span.start[-1])
        return real(*reads)

    monkeypatch.setattr(history.database, "read", reading)
    marks, holder = Marks(), Holder("own_a", 20.0, 0.0)
    for number in range(30):
        if number % 3 == 0 and number < 18:
            history.attempt(history.accept)
        history.mine()
        history.attempt(lambda: tick.run_pass("local", holder, marks))
    assert all(row.finalized for row in history.rows()) and len(history.rows()) == 7
    due = [start for start in began["transactions_unmined"] if isinstance(start, datetime)]
    assert history.clock.now() - max(due) <= pending.SKEW + timedelta(seconds=30)
    assert (
        max(one for one in began["transactions_in_blocks"] if isinstance(one, int))
        > history.row(1).mined_block_number
    )


def test_what_is_below_a_mark_is_found_by_the_next_run(history: StepwiseHistory) -> None:
    history.attempt(history.accept)
    history.attempt(history.hint)
    marks, skipped = Marks(), history.client.head().number + 50
    (work,) = pending.find("local", marks)
    marks.due[work.bucket] += timedelta(hours=1)
    marks.below[work.bucket, MINED] = marks.below[work.bucket, ENDED] = skipped
    assert not pending.find("local", marks) and pending.find("local", Marks()) == [work]
