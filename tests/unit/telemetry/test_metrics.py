"""Metrics as an OpenTelemetry reader sees them, and without cost if there is no reader."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.telemetry import metrics
from shared.telemetry.metrics import Registry
from tests.support.collected_telemetry import Metrics, measured


@pytest.fixture
def registry() -> Registry:
    """A registry without metrics and without a reader."""
    return Registry()


@pytest.fixture
def collected(registry: Registry) -> Iterator[Metrics]:
    with measured(registry) as metrics:
        yield metrics


def test_counters_and_histograms_are_collected(registry: Registry, collected: Metrics) -> None:
    runs = registry.counter("wallet_x_total", "", "operation")
    took = registry.histogram("wallet_x_seconds", "", "operation", buckets=(1.0, 2.0))
    runs.add(operation="claim_order")
    runs.add(2, operation="claim_order")
    took.record(1.5, operation="claim_order")
    assert collected.value("wallet_x_total", operation="claim_order") == 3
    (point,) = collected.points("wallet_x_seconds")
    assert (point.sum, tuple(point.bucket_counts)) == (1.5, (0, 1, 0))


def test_the_first_of_a_rare_event_is_an_increase(registry: Registry) -> None:
    paid = registry.counter("wallet_paid_total", "Paid.", "type")
    paid.starts_at_zero(type="failed")
    with measured(registry) as found:
        assert found.value("wallet_paid_total", type="failed") == 0
        paid.add(type="failed")
        assert found.value("wallet_paid_total", type="failed") == 1


def test_what_was_declared_before_somebody_collects_is_collected(registry: Registry) -> None:
    early = registry.counter("wallet_early_total", "")
    early.add()
    with measured(registry) as collected:
        early.add()
        assert collected.value("wallet_early_total") == 1


def test_a_gauge_is_forgotten_when_nobody_renews_it(
    registry: Registry, collected: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(metrics.time, "monotonic", lambda: now)
    depth = registry.gauge("wallet_depth", "", "chain")
    depth.set(3, chain="local")
    assert collected.value("wallet_depth", chain="local") == 3
    now += metrics.FRESH_SECONDS + 1
    assert collected.points("wallet_depth") == []


def test_other_labels_than_declared_are_a_mistake(registry: Registry) -> None:
    with pytest.raises(AssertionError, match="operation"):
        registry.counter("wallet_y_total", "", "operation").add(order="ord_1")


@pytest.mark.parametrize("name", ["wallet_requests", "requests_total"])
def test_names_follow_the_conventions(registry: Registry, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        registry.counter(name, "")


def test_a_histogram_says_its_unit_and_a_name_is_declared_once(registry: Registry) -> None:
    with pytest.raises(ValueError, match="wallet_latency"):
        registry.histogram("wallet_latency", "")
    registry.gauge("wallet_z", "")
    with pytest.raises(ValueError, match="wallet_z"):
        registry.gauge("wallet_z", "")
