"""Trace context by the standard, and spans only if somebody collects them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.runtime.context import Context, deadline_in
from shared.telemetry import tracing
from tests.support.collected_telemetry import traced

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{SPAN}-01"


def context() -> Context:
    return Context("claim_order", "req_1", deadline_in(1))


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    with traced() as exporter:
        yield exporter


@pytest.mark.parametrize(
    "header",
    [GIVEN, f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-ff", f"cc-{TRACE}-{SPAN}-01-what-comes-later"],
)
def test_headers_of_the_standard_are_read(header: str) -> None:
    found = tracing.parse(header)
    assert found is not None
    assert (found.trace_id, found.span_id) == (TRACE, SPAN)
    assert found.sampled == (header[53:55] in ("01", "ff"))


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "garbage",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01-{'x' * 600}",
    ],
)
def test_a_malformed_header_begins_a_new_trace(header: str | None) -> None:
    assert tracing.parse(header) is None
    run = context()
    with tracing.entered(run, "SERVER", header):
        own = tracing.parse(run.telemetry.traceparent)
    assert own is not None
    assert own.trace_id != TRACE


def test_a_run_goes_on_with_the_trace_under_a_span_of_its_own() -> None:
    run = context()
    with tracing.entered(run, "SERVER", GIVEN):
        own = tracing.parse(run.telemetry.traceparent)
    assert own is not None
    assert own.trace_id == TRACE
    assert own.span_id != SPAN
    assert own.sampled


def test_spans_of_a_sampled_trace_are_children_of_the_caller(exported: InMemorySpanExporter) -> None:
    run = context()
    with tracing.entered(run, "SERVER", GIVEN):
        with tracing.span("spanner.Commit", db_collection_name="orders"):
            pass
        run.telemetry.code = "LEASE_LOST"
    call, whole = exported.get_finished_spans()
    assert whole.parent is not None
    assert (f"{whole.context.trace_id:032x}", f"{whole.parent.span_id:016x}") == (TRACE, SPAN)
    assert call.parent is not None
    assert call.parent.span_id == whole.context.span_id
    assert dict(call.attributes or {}) == {"db.collection.name": "orders"}
    assert (whole.attributes or {})["error.type"] == "LEASE_LOST"
    assert run.telemetry.traceparent == f"00-{TRACE}-{whole.context.span_id:016x}-01"


def test_an_unsampled_trace_makes_no_spans(exported: InMemorySpanExporter) -> None:
    run = context()
    for header in (None, f"00-{TRACE}-{SPAN}-00"):
        with tracing.entered(run, "SERVER", header), tracing.span("spanner.Commit"):
            assert run.telemetry.traceparent is not None
            assert run.telemetry.traceparent.endswith("-00")
    assert exported.get_finished_spans() == ()
