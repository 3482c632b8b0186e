"""A pass's measurements for alerts: buckets without visits, and a chain that stands still."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.engine import pending, tick
from shared.engine.bucket_visit import Visit
from shared.store.tables.transactions import LANE_SHARDS
from tests.support.collected import measured
from tests.unit.engine.stepwise import StepwiseHistory


def test_a_bucket_that_nobody_gets_to_is_told(
    history: StepwiseHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.attempt(history.accept)
    history.tick_through(1)
    with measured() as metrics:
        history.clock.moment += timedelta(seconds=400)
        history.mine()
        history.attempt(history.tick)
        assert metrics.value("wallet_bucket_unvisited_seconds", chain="local") == 0, "it was just looked into"
        monkeypatch.setattr(tick, "remaining_seconds", lambda cap: 0.0)
        history.clock.moment += timedelta(seconds=400)
        history.attempt(history.tick)
        assert metrics.value("wallet_bucket_unvisited_seconds", chain="local") == pytest.approx(400, abs=5)


def test_who_holds_a_bucket_is_not_late(history: StepwiseHistory) -> None:
    history.attempt(history.accept)
    history.tick_through(1)
    for bucket in range(LANE_SHARDS):
        assert tick.take_lease(pending.bucket_lease("local", bucket), "own_other", 30)
    with measured() as metrics:
        history.attempt(history.tick)
        assert metrics.value("wallet_bucket_unvisited_seconds", chain="local") == 0


def test_a_chain_without_a_new_block_is_told(history: StepwiseHistory) -> None:
    history.attempt(history.accept)
    history.tick_through(1)
    with measured() as metrics:
        history.clock.moment += timedelta(seconds=200)
        history.attempt(history.tick)
        assert metrics.value("wallet_chain_head_seconds", chain="local") == pytest.approx(200, abs=5)
        history.mine()
        history.attempt(history.tick)
        assert metrics.value("wallet_chain_head_seconds", chain="local") == 0


def test_a_bucket_whose_every_visit_fails_is_told(
    history: StepwiseHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.attempt(history.accept)
    history.tick_through(1)

    def failing(visit: Visit) -> None:
        raise ValueError("a row that nobody can read")

    monkeypatch.setattr(Visit, "run", failing)
    with measured() as metrics:
        for _ in range(5):
            history.clock.moment += timedelta(seconds=80)
            history.attempt(history.tick)
        told = metrics.value("wallet_bucket_unvisited_seconds", chain="local")
        assert told == pytest.approx(320, abs=5), "since the first of them"


def test_a_chain_on_which_nothing_waits_may_stand(history: StepwiseHistory) -> None:
    history.attempt(history.accept)
    history.tick_through(1)
    for _ in range(20):
        history.mine()
    history.clock.moment += timedelta(seconds=200)
    with measured() as metrics:
        while pending.find("local"):
            history.attempt(history.tick)
        assert metrics.value("wallet_chain_head_seconds", chain="local") == pytest.approx(200, abs=5)
        history.attempt(history.tick)
        assert metrics.value("wallet_chain_head_seconds", chain="local") == 0
