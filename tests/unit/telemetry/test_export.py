"""The data that a function's process sends to a collector, received from a separate process."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from emulators.toolkit import ROOT

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
RUN = f"""
import sys
from shared.runtime import operation
from shared.triggers import entrypoint
from shared.triggers.request_parsing import Incoming

served = operation.load("get_openapi")
for flags in ("01", "00"):
    headers = {{"traceparent": "00-{TRACE}-{SPAN}-" + flags}}
    reply = entrypoint.answer(served, Incoming("GET", "/openapi.json", headers, {{}}, b""))
    assert reply.status == 200, reply
print(sorted(name for name in list(sys.modules) if name.startswith("opentelemetry")))
"""


class Collector(ThreadingHTTPServer):
    """Receives OTLP over HTTP."""

    def __init__(self, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Receiver)
        self.status = status
        self.bodies: list[tuple[str, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def messages(self, path: str, kind: Any) -> list[Any]:
        return [kind.FromString(body) for seen, body in self.bodies if seen == path]


class _Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.bodies.append((self.path, body))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def run(**env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=ROOT,
        env=clean | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "interval", ["1", "60000"]
)  # with the second one, only the end of the process exports
def test_spans_and_metrics_reach_the_collector_before_the_process_ends(
    collector: Collector, interval: str
) -> None:
    done = run(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_METRIC_EXPORT_INTERVAL=interval,
        K_SERVICE="get-openapi",
        REGION="europe-west1",
    )
    assert done.returncode == 0, done.stderr
    spans = [
        span
        for message in collector.messages("/v1/traces", ExportTraceServiceRequest)
        for part in message.resource_spans
        for scope in part.scope_spans
        for span in scope.spans
    ]
    assert [(s.name, s.trace_id.hex(), s.parent_span_id.hex()) for s in spans] == [
        ("get_openapi", TRACE, SPAN)
    ]
    last = collector.messages("/v1/metrics", ExportMetricsServiceRequest)[-1].resource_metrics[0]
    attributes = {one.key: one.value.string_value for one in last.resource.attributes}
    assert attributes["service.name"] == "get-openapi"
    assert attributes["cloud.region"] == "europe-west1"
    found = {metric.name: metric for metric in last.scope_metrics[0].metrics}
    assert [point.as_int for point in found["wallet_runs_total"].sum.data_points] == [2]


def test_a_collector_that_refuses_stops_no_request(collector: Collector) -> None:
    collector.status = 400
    done = run(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_METRIC_EXPORT_INTERVAL="1")
    assert done.returncode == 0, done.stderr
    assert collector.bodies


def test_without_an_endpoint_nothing_is_even_imported() -> None:
    done = run()
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
