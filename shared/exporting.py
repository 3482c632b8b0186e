"""OpenTelemetry's SDK, set up when a run first needs it, and only where its output goes somewhere.

OTEL_EXPORTER_OTLP_ENDPOINT   send spans and metrics there by OTLP over HTTP (a collector beside the service)
OTEL_TRACES_SAMPLER_ARG       the share of new traces that is kept (0.05); a caller's decision is followed
OTEL_METRIC_EXPORT_INTERVAL   milliseconds between two exports of metrics (15000)

Not when a module is imported: the SDK's threads would be lost in a server's fork, and its import costs 100 ms.
"""

from __future__ import annotations

import logging
import os
from functools import cache
from typing import TYPE_CHECKING
from uuid import uuid4

from shared import metrics, tracing

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.resources import Resource

SCOPE = "wallet-backend"
SHARE = "0.05"
INTERVAL = "15000"
_log = logging.getLogger(__name__)


@cache
def start() -> None:
    """Once in a process: begin to export, if there is an endpoint. Telemetry that cannot start stops nothing."""
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return
    try:
        _spans()
        _metrics()
    except Exception:
        _log.exception("telemetry is not exported")


def resource() -> Resource:
    """Who speaks, as OpenTelemetry's conventions name it."""
    from opentelemetry.sdk.resources import Resource

    env = os.environ
    return Resource(
        {
            "service.name": env.get("K_SERVICE") or env.get("FUNCTION_TARGET") or "gateway",
            "service.namespace": "wallet-backend",
            "service.version": env.get("K_REVISION", "local"),
            "service.instance.id": uuid4().hex,
            "cloud.region": env.get("REGION", "local"),
            "deployment.environment.name": env.get("ENVIRONMENT", "local"),
        }
    )


def collect(reader: MetricReader) -> None:
    """Give all metrics to this reader."""
    from opentelemetry.sdk.metrics import MeterProvider

    metrics.collect(MeterProvider([reader], resource()).get_meter(SCOPE))


def _spans() -> None:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

    share = float(os.environ.get("OTEL_TRACES_SAMPLER_ARG", SHARE))
    provider = TracerProvider(sampler=ParentBasedTraceIdRatio(share), resource=resource())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    tracing.collect(provider.get_tracer(SCOPE))


def _metrics() -> None:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    interval = float(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL", INTERVAL))
    collect(PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=interval))
