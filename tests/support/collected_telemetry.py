"""Collect this process's metrics and spans for a test, through OpenTelemetry's SDK."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

from shared.telemetry import metrics, tracing


@dataclass
class Metrics:
    """The metrics recorded since the collection began."""

    reader: InMemoryMetricReader

    def points(self, name: str) -> list[Any]:
        """The data points of a metric; [] if nothing was recorded."""
        data = self.reader.get_metrics_data()
        found = data.resource_metrics[0].scope_metrics[0].metrics if data else []
        return [point for metric in found if metric.name == name for point in metric.data.data_points]

    def value(self, name: str, **labels: str) -> float | None:
        """The value (of a histogram: the count) with exactly these labels."""
        for point in self.points(name):
            if dict(point.attributes) == labels:
                return float(getattr(point, "value", None) if hasattr(point, "value") else point.count)
        return None


@contextmanager
def measured(registry: metrics.Registry = metrics.REGISTRY) -> Iterator[Metrics]:
    """Collect a registry's metrics for the block."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    registry.collect(provider.get_meter("test"))
    try:
        yield Metrics(reader)
    finally:
        registry.stop()
        provider.shutdown()


@contextmanager
def traced(share: float = 0.0) -> Iterator[InMemorySpanExporter]:
    """Collect spans for the block: this share of new traces; for continued traces, the caller decides."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=ParentBasedTraceIdRatio(share), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.collect(provider.get_tracer("test"))
    try:
        yield exporter
    finally:
        tracing.stop()
        provider.shutdown()
