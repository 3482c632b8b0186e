"""OpenTelemetry's SDK, set up when a run first needs it, and only where its output goes somewhere.

OTEL_EXPORTER_OTLP_ENDPOINT   send spans and metrics there by OTLP over HTTP: https://telemetry.googleapis.com (as the
                              service's own account), or a collector
OTEL_TRACES_SAMPLER_ARG       the share of new traces that is kept (0.05); a caller's decision is followed
OTEL_METRIC_EXPORT_INTERVAL   milliseconds between two exports, at least (15000)

Exports go out beside runs: between requests Cloud Run gives no processor, and a timer's export would time out. What
is left goes out when the instance ends. Set up with the first run, because a server's fork would lose the SDK's
threads.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from shared.telemetry import metrics, tracing

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

SCOPE = "wallet-backend"
SHARE = "0.05"
INTERVAL = "15000"
_GOOGLE = ".googleapis.com"
_log = logging.getLogger(__name__)


class Beat:
    """Exports in a thread of its own when a run begins and the last export is long enough ago."""

    def __init__(self, export: Callable[[], object], seconds: float) -> None:
        self._export, self._seconds = export, seconds
        self._due = time.monotonic() + seconds
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="export")

    def __call__(self) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._due = now + self._seconds
            self._pool.submit(self._export)


def beat() -> None:
    """To be called when a run begins. Nothing at all without an endpoint."""
    exports = _started()
    if exports is not None:
        exports()


@cache
def _started() -> Beat | None:
    """Once in a process. Telemetry that cannot start stops nothing."""
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if not endpoint:
        return None
    try:
        session = _session(endpoint)
        spans, measurements = _spans(session), _metrics(session)
    except Exception:
        _log.exception("telemetry is not exported")
        return None
    seconds = float(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL", INTERVAL)) / 1000
    return Beat(lambda: (spans.force_flush(), measurements.force_flush()), seconds)


def resource() -> Resource:
    """Who speaks, as OpenTelemetry's conventions and Google's mapping to Prometheus' job and instance name it."""
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
            "gcp.project_id": env.get("GOOGLE_CLOUD_PROJECT", ""),
        }
    )


def collect(reader: MetricReader) -> MeterProvider:
    """Give all metrics to this reader."""
    from opentelemetry.sdk.metrics import MeterProvider

    provider = MeterProvider([reader], resource())
    metrics.collect(provider.get_meter(SCOPE))
    return provider


def _session(endpoint: str) -> Any:
    """How to speak to the endpoint: to Google's as this service's account, to others without a name."""
    if not (urlsplit(endpoint).hostname or "").endswith(_GOOGLE):
        return None
    import google.auth
    from google.auth.transport.requests import AuthorizedSession

    credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    return AuthorizedSession(credentials)  # type: ignore[no-untyped-call]


def _spans(session: Any) -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

    share = float(os.environ.get("OTEL_TRACES_SAMPLER_ARG", SHARE))
    provider = TracerProvider(sampler=ParentBasedTraceIdRatio(share), resource=resource())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(session=session)))
    tracing.collect(provider.get_tracer(SCOPE))
    return provider


def _metrics(session: Any) -> MeterProvider:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    exporter = OTLPMetricExporter(session=session)
    return collect(PeriodicExportingMetricReader(exporter, export_interval_millis=math.inf))
