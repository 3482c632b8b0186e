"""A pass's measurements for alerts: buckets without visits, and a chain that stands still."""

from __future__ import annotations

from datetime import timedelta

import pytest

from functions.maintenance import measure_backlog
from shared.domain.wallets.wallets import Wallet
from shared.engine import accept, intents, leases, low_balances, pending, tick
from shared.engine.bucket_visit import Visit
from shared.engine.intents import Sender
from shared.engine.process_hints import hints
from shared.runtime.clock import new_id
from shared.store.tables.transactions import LANE_SHARDS
from shared.writes import commit as commits
from tests.support.collected_telemetry import measured
from tests.unit.engine.histories import accept_under
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
        assert leases.take(pending.bucket_lease("local", bucket), "own_other", 30)
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


def forty_addresses(history: StepwiseHistory) -> None:
    """One transaction of each of forty addresses, in most buckets."""
    history.attempt(history.accept)
    for number in range(2, 41):
        accept_of(history, history.stored_wallet(f"{number}", history.rng.randbytes(32)))


def accept_of(history: StepwiseHistory, wallet: Wallet) -> None:
    planned = accept.plan(intents.build(Sender.of_wallet(wallet), "0x" + "ab" * 20, value=5), gas=None)
    history.attempt(lambda: commits.commit(accept_under, planned, new_id("txn")))


def test_the_oldest_of_all_queues_is_told_however_long_the_others_are(
    history: StepwiseHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address comes after those whose queues are longer than what is read."""
    monkeypatch.setattr(measure_backlog, "LIMIT", 20)
    wallets = [history.stored_wallet(f"{number}", history.rng.randbytes(32)) for number in range(2, 12)]
    *others, last = sorted(wallets, key=lambda wallet: wallet.address.lower())
    accept_of(history, last)
    history.clock.moment += timedelta(seconds=1_000)
    for wallet in others * 4:
        accept_of(history, wallet)
    with measured() as metrics:
        history.attempt(measure_backlog.measure_backlog)
        assert metrics.value("wallet_lane_oldest_seconds", chain="local") == 1_000
        assert metrics.value("wallet_lane_depth", chain="local") == 20, "that many or more"


def test_what_is_in_flight_is_counted_in_the_buckets_of_others_too(history: StepwiseHistory) -> None:
    forty_addresses(history)
    history.attempt(history.tick)
    for bucket in range(0, LANE_SHARDS, 2):
        assert leases.take(pending.bucket_lease("local", bucket), "own_other", 30)
    with measured() as metrics:
        history.attempt(history.tick)
        assert metrics.value("wallet_inflight_transactions", chain="local") == 40
        history.clock.moment += timedelta(seconds=31)
        history.tick_through(1)
        history.attempt(history.tick)
        assert {row.state for row in history.rows()} == {"mined", "confirmed"}
        assert metrics.value("wallet_inflight_transactions", chain="local") == 0, "all are in a block"


def test_the_lowest_balance_is_told_whoever_is_looked_at_later(history: StepwiseHistory) -> None:
    """One of forty addresses is poor; others of its bucket and of other buckets are looked at after it."""
    forty_addresses(history)
    poor = history.owner.address.lower()
    history.node.given[poor] = history.client.spec.settlement_gas_reserve // 2
    for _ in range(3):
        history.node.mine()
    history.clock.moment += low_balances.CHECK_EVERY
    with measured() as metrics:
        history.attempt(history.tick)
        assert min(point.value for point in metrics.points("wallet_gas_lowest_ratio")) == 0.5
        for lane_id in [one for one in hints().balance_checks if not one.endswith(poor)]:
            hints().balance_checks.pop(lane_id)
        history.attempt(history.tick)
        assert len(hints().balance_checks) == 40
        assert min(point.value for point in metrics.points("wallet_gas_lowest_ratio")) == 0.5


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
