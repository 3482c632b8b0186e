"""Set up OpenTelemetry's SDK when a run first needs it, if there is an endpoint for its output.

    OTEL_EXPORTER_OTLP_ENDPOINT   send spans and metrics there by OTLP over HTTP: https://telemetry.googleapis.com
                                  (as the service's own account), or a collector
    OTEL_TRACES_SAMPLER_ARG       the share of new traces that is kept (0.05); a caller's decision is followed
    OTEL_METRIC_EXPORT_INTERVAL   minimum milliseconds between two exports (15000)

Exports run alongside runs: between requests Cloud Run provides no processor, and an export by timer would time out.
The rest is exported when the instance ends. The setup happens in the first run, because the server's fork would lose
the SDK's threads.
"""

from __future__ import annotations

import atexit
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
    """Exports in its own thread when a run starts and the last export is old enough."""

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
    """Export if it is due; call this when a run starts. Does nothing without an endpoint."""
    exports = _started()
    if exports is not None:
        exports()


@cache
def _started() -> Beat | None:
    """Set up the SDK, once per process. A failure of telemetry does not stop anything else."""
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if not endpoint:
        return None
    try:
        session = _session(endpoint)
        spans, measurements = _spans(session), _metrics(session)
    except Exception:
        _log.exception("telemetry is not exported")
        return None
    atexit.register(measurements.force_flush)  # a reader without a timer does not export when it is shut down
    seconds = float(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL", INTERVAL)) / 1000
    return Beat(lambda: (spans.force_flush(), measurements.force_flush()), seconds)


def resource() -> Resource:
    """The identity of this process, with the names of OpenTelemetry's conventions and Google's mapping to Prometheus'
    job and instance."""
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
    """Send all metrics to this reader."""
    from opentelemetry.sdk.metrics import MeterProvider

    provider = MeterProvider([reader], resource())
    metrics.collect(provider.get_meter(SCOPE))
    return provider


def _session(endpoint: str) -> Any:
    """An HTTP session for the endpoint: authenticated as this service's account for Google, anonymous for others."""
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
