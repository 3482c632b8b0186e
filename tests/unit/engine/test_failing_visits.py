"""All processes leave a bucket with failing visits alone, longer each time; the others continue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.chain.errors import Unreachable
from shared.engine import pending, tick
from shared.engine.bucket_visit import Visit
from shared.engine.pending import Marks, Unfinished
from shared.engine.tick import Holder
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
    passes(history, int(tick.MOST_HOLD_OFF) + 10)
    assert all(counted[bucket] >= 10 for bucket in buckets), "each block again"
    for _ in range(12):
        history.node.mine()
        passes(history, 1)
    assert all(row.finalized for row in history.rows())
