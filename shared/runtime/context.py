"""The context of a run of an operation: caller, request, deadline, and cost.

A trigger (`shared.triggers`) opens a `Context`, and all code below reads it through `current()`. It is stored in a
context variable, so threads that serve the same request copy it. Each part has its own writer:

    Rights        declared by the operation; never changed
    RequestInfo   written by the trigger, before the operation runs
    Answer        written by the code that the operation calls, for the trigger's reply
    Telemetry     written by tracing, the store and the reply, for logs, spans and metrics
"""

from __future__ import annotations

import contextvars
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.domain.permissions import Caller


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The caller's key and the keyed fingerprint of its request."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Command:
    """The command that is being executed, on behalf of `subject`."""

    id: str
    type: str
    subject: str


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights that an operation declares. Operators' commands and tests have all rights."""

    publishes: frozenset[str] | None = None  # the topics of its events; None: not checked
    signs: bool = True  # it may open keys
    writes: bool = True  # it may change something


@dataclass(frozen=True, slots=True)
class Browser:
    """Headers that the browser sets itself; no script of a page can change them."""

    cookie: str = field(default="", repr=False)
    host: str = ""
    origin: str = ""
    fetch_site: str = ""  # Sec-Fetch-Site


@dataclass(slots=True)
class RequestInfo:
    """The parts of a request besides the operation's own model."""

    idempotency: Idempotency | None = None
    if_match: int | None = None
    min_version: int | None = None
    strong_read: bool = False
    last_event_id: str | None = None  # where a stream continues
    network: str = "local"  # the network of origin, for throttles
    user_agent: str = ""  # as the client sends it
    browser: Browser = Browser()
    command: Command | None = None  # if the request is a message
    causation_id: str | None = None  # the message's id
    seconds: float | None = None  # how long the caller waits, if known


@dataclass(slots=True)
class Answer:
    """The parts of the answer besides the operation's own result."""

    status: int | None = None  # of a success, if it is not the declared one
    etag: str | None = None
    headers: dict[str, str] = field(default_factory=dict)  # of any answer
    committed: bool = False  # something has changed


@dataclass(slots=True)
class Telemetry:
    """What logs, spans and metrics report about the run."""

    traceparent: str | None = None
    code: str = ""  # of the final error
    calls: list[str] = field(default_factory=list)  # round trips to the database
    started: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Context:
    """One run of one operation. `deadline` is on the monotonic clock, in seconds. The trigger writes `caller`, and so
    does a successful sign-in."""

    operation: str
    request_id: str
    deadline: float
    rights: Rights = Rights()
    caller: Caller | None = None
    request: RequestInfo = field(default_factory=RequestInfo)
    answer: Answer = field(default_factory=Answer)
    telemetry: Telemetry = field(default_factory=Telemetry)

    @property
    def principal(self) -> str:
        return self.caller.user_id if self.caller else "anonymous"


_current: contextvars.ContextVar[Context | None] = contextvars.ContextVar("context", default=None)


def current() -> Context:
    """The context of this run. Raises LookupError outside of one."""
    context = _current.get()
    if context is None:
        raise LookupError("no operation is running")
    return context


def current_or_none() -> Context | None:
    return _current.get()


@contextmanager
def running(context: Context) -> Iterator[Context]:
    """Make `context` the current one for the block."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def operation_or(other: str) -> str:
    """The name of the running operation, or `other` outside of a run."""
    context = _current.get()
    return context.operation if context else other


def deadline_in(seconds: float) -> float:
    """A deadline on the monotonic clock, `seconds` from now."""
    return time.monotonic() + seconds


def remaining_seconds(cap: float) -> float:
    """Seconds until the request's deadline, at most `cap`, at least one millisecond."""
    context = _current.get()
    if context is None:
        return cap
    return max(0.001, min(cap, context.deadline - time.monotonic()))


def time_left(reserve: float) -> bool:
    """Whether more than `reserve` seconds are left until the deadline; always true outside of a run."""
    return remaining_seconds(math.inf) > reserve


def count_call(method: str) -> None:
    """Record one round trip to the database for this run."""
    context = _current.get()
    if context is not None:
        context.telemetry.calls.append(method)
