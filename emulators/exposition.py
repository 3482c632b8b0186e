"""`/metrics` of the local gateway, in Prometheus' text format. A deployment sends its metrics by OTLP instead."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@cache
def registry() -> CollectorRegistry:
    """Start collecting metrics, once per process."""
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from prometheus_client import CollectorRegistry

    from shared.telemetry import export

    made = CollectorRegistry()
    export.collect(PrometheusMetricReader(True, scope_info_enabled=False, registry=made))
    return made


def text() -> str:
    """The current values of all metrics."""
    from prometheus_client import generate_latest

    return generate_latest(registry()).decode()
