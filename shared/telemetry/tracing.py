"""W3C trace context, and OpenTelemetry spans if somebody collects them.

A run's `context.telemetry.traceparent` names the trace and the run's own span. It is written into log lines and, in
the commit, into the envelopes of events: first the outbox row, then the Pub/Sub attribute `ce-traceparent`, and so the
reaction. It is not sent to the nodes of chains, because other companies operate them.

Without an exporter, a run costs two random numbers, and a span costs nothing. https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from shared.runtime.context import Context

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

Kind = Literal["SERVER", "CONSUMER", "INTERNAL"]
_HEADER = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_MAX_HEADER = 512  # characters of a header from a later version
_NOTHING: AbstractContextManager[None] = contextlib.nullcontext()
_tracers: list[Tracer] = []  # at most one per process
_current: contextvars.ContextVar[Span | None] = contextvars.ContextVar("span", default=None)


@dataclass(frozen=True, slots=True)
class TraceParent:
    """A position in a trace."""

    trace_id: str
    span_id: str
    sampled: bool

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def parse(header: str | None) -> TraceParent | None:
    """The parsed header. None if it is missing or malformed: the standard then requires a new trace."""
    if not header or len(header) > _MAX_HEADER:
        return None
    match = _HEADER.fullmatch(header)
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more) or not int(trace_id, 16) or not int(span_id, 16):
        return None
    return TraceParent(trace_id, span_id, bool(int(flags, 16) & 1))


@contextmanager
def entered(context: Context, kind: Kind, header: str | None) -> Iterator[None]:
    """This run's position in the trace of `header`, or in a new one, with a span if spans are collected."""
    parent = parse(header)
    if not _tracers:
        trace_id = parent.trace_id if parent else os.urandom(16).hex()
        sampled = parent is not None and parent.sampled
        context.telemetry.traceparent = str(TraceParent(trace_id, os.urandom(8).hex(), sampled))
        yield
        return
    with _opened(_begun(_tracers[0], context, kind, parent)) as span:
        own = span.get_span_context()
        sampled = bool(own.trace_flags & 1)
        context.telemetry.traceparent = str(
            TraceParent(f"{own.trace_id:032x}", f"{own.span_id:016x}", sampled)
        )
        yield
        if context.telemetry.code:
            span.set_attribute("error.type", context.telemetry.code)


def _begun(tracer: Tracer, context: Context, kind: Kind, parent: TraceParent | None) -> Span:
    from opentelemetry import trace
    from opentelemetry.context import Context as Carrier

    carrier = Carrier()
    if parent is not None:
        flags = trace.TraceFlags(1 if parent.sampled else 0)
        remote = trace.SpanContext(int(parent.trace_id, 16), int(parent.span_id, 16), True, flags)
        carrier = trace.set_span_in_context(trace.NonRecordingSpan(remote), carrier)
    attributes = {"wallet.operation": context.operation, "wallet.request_id": context.request_id}
    return tracer.start_span(context.operation, carrier, trace.SpanKind[kind], attributes)


def span(name: str, **attributes: str | int) -> AbstractContextManager[object]:
    """A span for a part of the current run: a call to Spanner, Firestore, Pub/Sub or a node. Never pass a key, row or
    URL."""
    parent = _current.get()
    if parent is None:
        return _NOTHING
    from opentelemetry import trace

    named: dict[str, str | int] = {key.replace("_", "."): value for key, value in attributes.items()}
    carrier = trace.set_span_in_context(parent)
    return _opened(_tracers[0].start_span(name, carrier, trace.SpanKind.CLIENT, named))


@contextmanager
def _opened(span: Span) -> Iterator[Span]:
    """Make this span the parent of spans in the block, if it is kept. OpenTelemetry's own current span is not used,
    because Google's clients replace it."""
    token = _current.set(span if span.is_recording() else None)
    try:
        yield span
    except BaseException as error:
        span.set_attribute("error.type", type(error).__name__)
        raise
    finally:
        _current.reset(token)
        span.end()


def collect(tracer: Tracer) -> None:
    """Create spans with this tracer from now on."""
    _tracers[:] = [tracer]


def stop() -> None:
    """Stop creating spans."""
    _tracers.clear()
