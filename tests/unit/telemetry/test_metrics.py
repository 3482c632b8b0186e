"""Metrics as an OpenTelemetry reader sees them, and at no cost while there is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.telemetry import metrics
from tests.support.collected import Metrics, measured


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No metric is declared and nobody collects."""
    monkeypatch.setattr(metrics, "_known", {})
    monkeypatch.setattr(metrics, "_meters", [])


@pytest.fixture
def collected(fresh: None) -> Iterator[Metrics]:
    with measured() as found:
        yield found


def test_counters_and_histograms_are_collected(collected: Metrics) -> None:
    runs = metrics.counter("wallet_x_total", "", "operation")
    took = metrics.histogram("wallet_x_seconds", "", "operation", buckets=(1.0, 2.0))
    runs.add(operation="claim_order")
    runs.add(2, operation="claim_order")
    took.record(1.5, operation="claim_order")
    assert collected.value("wallet_x_total", operation="claim_order") == 3
    (point,) = collected.points("wallet_x_seconds")
    assert (point.sum, tuple(point.bucket_counts)) == (1.5, (0, 1, 0))


def test_what_was_declared_before_somebody_collects_is_collected(fresh: None) -> None:
    early = metrics.counter("wallet_early_total", "")
    early.add()
    with measured() as collected:
        early.add()
        assert collected.value("wallet_early_total") == 1


def test_a_gauge_is_forgotten_when_nobody_renews_it(
    collected: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(metrics.time, "monotonic", lambda: now)
    depth = metrics.gauge("wallet_depth", "", "chain")
    depth.set(3, chain="local")
    assert collected.value("wallet_depth", chain="local") == 3
    now += metrics.FRESH_SECONDS + 1
    assert collected.points("wallet_depth") == []


def test_other_labels_than_declared_are_a_mistake(fresh: None) -> None:
    with pytest.raises(AssertionError, match="operation"):
        metrics.counter("wallet_y_total", "", "operation").add(order="ord_1")


@pytest.mark.parametrize("name", ["wallet_requests", "requests_total"])
def test_names_follow_the_conventions(fresh: None, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        metrics.counter(name, "")


def test_a_histogram_says_its_unit_and_a_name_is_declared_once(fresh: None) -> None:
    with pytest.raises(ValueError, match="wallet_latency"):
        metrics.histogram("wallet_latency", "")
    metrics.gauge("wallet_z", "")
    with pytest.raises(ValueError, match="wallet_z"):
        metrics.gauge("wallet_z", "")
