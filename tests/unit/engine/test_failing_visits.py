"""All processes leave a bucket with failing visits alone, longer each time; the others continue."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from shared.chain.errors import Unreachable
from shared.engine import pending, tick
from shared.engine.bucket_visit import Visit
from shared.engine.pending import Marks, Unfinished
from shared.engine.process_hints import hints
from shared.engine.tick import Holder
from shared.store.port import StoreError, Unavailable, UnknownOutcome
from shared.store.tables.transactions import LEASES
from tests.unit.engine.stepwise import StepwiseHistory
from tests.unit.engine.test_block_watch import two_in_one_block

PROCESSES = [Holder(f"own_{letter}", 20.0, 1.0) for letter in "abc"]


@pytest.fixture
def buckets(history: StepwiseHistory) -> list[int]:
    """Two buckets, each with a transaction in a block."""
    two_in_one_block(history)
    return [work.bucket for work in pending.find("local")]


def visits(monkeypatch: pytest.MonkeyPatch, fails: Callable[[int], bool]) -> Counter[int]:
    """The visits by bucket; those of some buckets fail as with failing nodes."""
    counted: Counter[int] = Counter()
    real = Visit.run

    def run(visit: Visit) -> Unfinished:
        counted[visit.work.bucket] += 1
        if fails(visit.work.bucket):
            raise Unreachable("no node answers")
        return real(visit)

    monkeypatch.setattr(Visit, "run", run)
    return counted


def passes(history: StepwiseHistory, seconds: int) -> list[bool]:
    """Each process makes one pass per block time; returns whether each last pass continues."""
    going = []
    for _ in range(seconds):
        history.clock.moment += timedelta(seconds=1)
        for holder in PROCESSES:
            history.attempt(lambda holder=holder: going.append(tick.run_pass("local", holder, Marks())))
    return going[len(PROCESSES) - 1 :: len(PROCESSES)]


def test_several_processes_hold_off_from_a_bucket_that_fails(
    history: StepwiseHistory, buckets: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing, other = buckets
    counted = visits(monkeypatch, lambda bucket: bucket == failing)
    going = passes(history, 60)
    assert 5 <= counted[failing] <= 12, "each block at first, then less and less often"
    assert counted[other] == 60, "once a block, as ever"
    assert all(going), "a run that waits for a bucket does not end"


def test_a_single_failure_costs_a_block_at_most(
    history: StepwiseHistory, buckets: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [Unreachable("no node answers")]
    counted = visits(
        monkeypatch, lambda bucket: bucket == buckets[0] and bool(failures) and bool(failures.pop())
    )
    history.clock.moment += timedelta(days=1)  # nobody had work there for long
    passes(history, 3)
    assert counted[buckets[0]] == 3


def test_a_bucket_is_looked_into_as_ever_once_its_visits_succeed(
    history: StepwiseHistory, buckets: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    down = [True]
    counted = visits(monkeypatch, lambda bucket: down[0])
    passes(history, 300)
    assert counted[buckets[0]] <= 30
    down[0] = False
    counted.clear()
    passes(history, int(tick.MAX_HOLD_OFF) + 10)
    assert all(counted[bucket] >= 10 for bucket in buckets), "each block again"
    for _ in range(12):
        history.node.mine()
        passes(history, 1)
    assert all(row.finalized for row in history.rows())


def one_pass(history: StepwiseHistory, holder: Holder) -> list[bool]:
    """One pass of a process; returns whether it continues, nothing if the pass failed."""
    going: list[bool] = []
    history.attempt(lambda: going.append(tick.run_pass("local", holder, Marks())))
    return going


def lose_leases(
    history: StepwiseHistory,
    monkeypatch: pytest.MonkeyPatch,
    bucket: int,
    *,
    first: int,
    error: type[StoreError] = Unavailable,
) -> Counter[str]:
    """The store fails at the commits of one bucket's lease, from the commit with the number `first` on. Returns how
    many commits there were and how many failed."""
    name, counted = pending.bucket_lease("local", bucket), Counter[str]()
    real = history.database._commit

    def commit(writes: Any) -> Any:
        lease = any(
            write.table == LEASES.name and name in write.values for write in writes if write.kind != "delete"
        )
        counted["commits"] += lease
        if not lease or counted["commits"] < first:
            return real(writes)
        counted["failed"] += 1
        if error is UnknownOutcome:
            real(writes)
        raise error("injected")

    monkeypatch.setattr(history.database, "_commit", commit)
    return counted


@pytest.mark.parametrize("fault", list(product([Unavailable, UnknownOutcome], [1, 2])))
def test_a_lease_that_fails_ends_the_visit_of_its_bucket_only(
    history: StepwiseHistory,
    buckets: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: tuple[type[StoreError], int],
) -> None:
    """The first commit takes the lease, the second one gives it back."""
    (failing, other), (error, first) = buckets, fault
    counted = visits(monkeypatch, lambda bucket: False)
    failed = lose_leases(history, monkeypatch, failing, first=first, error=error)
    logging.disable(logging.NOTSET)
    for start in range(2):  # whichever of the two comes first
        hints().starts["buckets", "local"] = start
        counted.clear()
        failed.clear()
        caplog.clear()
        history.clock.moment += timedelta(seconds=20)
        assert one_pass(history, PROCESSES[0]) == [True], "a run that waits for a bucket does not end"
        assert counted == Counter({other: 1} | ({failing: 1} if first == 2 else {}))
        assert failed["failed"] == 1
        (line,) = [record for record in caplog.records if record.name == tick.__name__]
        assert line.__dict__["bucket"] == failing and line.levelno == logging.WARNING


def test_a_renewal_that_fails_ends_the_visit_of_its_bucket_only(
    history: StepwiseHistory,
    buckets: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    failing, other = buckets
    counted = visits(monkeypatch, lambda bucket: False)
    failed = lose_leases(history, monkeypatch, failing, first=2)
    logging.disable(logging.NOTSET)
    hints().starts["buckets", "local"] = 0
    assert one_pass(history, Holder("own_a", 1e-9, 1.0)) == [True], "the lease is renewed at each step"
    assert counted == Counter({failing: 1, other: 1})
    assert failed["failed"] >= 1, "the renewal, and giving it back"
    lines = [record for record in caplog.records if record.name == tick.__name__]
    assert [line.__dict__["bucket"] for line in lines] == [failing]


def test_a_process_holds_off_from_a_bucket_whose_lease_fails(
    history: StepwiseHistory, buckets: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing, other = buckets
    counted = visits(monkeypatch, lambda bucket: False)
    with monkeypatch.context() as patch:
        failed = lose_leases(history, patch, failing, first=1)
        for _ in range(60):
            history.clock.moment += timedelta(seconds=1)
            assert one_pass(history, PROCESSES[0]) == [True]
    assert 5 <= failed["failed"] <= 12, "each block at first, then less and less often"
    assert counted == Counter({other: 60})
    counted.clear()
    for _ in range(int(tick.MAX_HOLD_OFF) + 10):
        history.clock.moment += timedelta(seconds=1)
        one_pass(history, PROCESSES[0])
    assert counted[failing] >= 10, "each block again"


def test_a_run_goes_on_when_the_store_fails_once(
    history: StepwiseHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run begins only with the next minute."""
    history.attempt(history.accept)
    history.mine()
    real, failures = pending.find, iter([Unavailable("no answer")])

    def find(chain: str, marks: Marks | None) -> Any:
        for failure in failures:
            raise failure
        return real(chain, marks)

    monkeypatch.setattr(pending, "find", find)
    monkeypatch.setattr(tick.time, "sleep", lambda seconds: history.mine())
    history.attempt(lambda: tick.run("local", lease_seconds=20.0, once=False))
    assert history.row(1).finalized
