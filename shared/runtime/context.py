"""What surrounds one run of an operation: who, which request, until when, and what it has cost.

The trigger adapters (`web.py`, `messaging.py`) open a `Context`; everything below reads it through `current()`.
It travels in a context variable, so threads that serve the same request copy it.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.domain.permissions import Caller


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The caller's key and the keyed fingerprint of the request it stands for."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Command:
    """The command that is being carried out; `subject`: on whose behalf."""

    id: str
    type: str
    subject: str


@dataclass(slots=True)
class Context:
    """One run of one operation. `deadline` is on the monotonic clock, in seconds."""

    operation: str
    request_id: str
    deadline: float
    caller: Caller | None = None
    publishes: frozenset[str] | None = None  # the topics its operation declares; None: not checked
    signs: bool = True  # is its operation declared as one that opens keys?
    writes: bool = True  # does its operation declare that it changes anything?
    idempotency: Idempotency | None = None
    if_match: int | None = None
    min_version: int | None = None
    strong_read: bool = False
    last_event_id: str | None = None  # where a stream goes on
    command: Command | None = None
    committed: bool = False
    causation_id: str | None = None
    traceparent: str | None = None
    success_status: int | None = None
    etag: str | None = None
    code: str = ""  # of the error that this run ended with
    network: str = "local"  # where the request comes from, for throttles
    headers: dict[str, str] = field(default_factory=dict)  # of the answer, whatever it will be
    calls: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

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
    """The name of the operation that runs."""
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


def count_call(method: str) -> None:
    """Note one round trip to the database for this run."""
    context = _current.get()
    if context is not None:
        context.calls.append(method)
