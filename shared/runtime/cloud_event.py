"""CloudEvents 1.0: write and read the envelope that passes through Pub/Sub."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from shared.domain.errors import Refusal
from shared.runtime.context import Context

AUDIENCE = "audience"  # an envelope attribute on topics: the ids of the users whose feeds contain it
MAX_DATA = 256 * 1024  # bytes, like a request's body
_LIMITS = {"id": 255, "type": 255, "source": 255, "subject": 64}  # characters; a subject is one of our ids


class UnreadableEvent(Refusal):
    """The message is not one of our CloudEvents. It is recorded as a dead letter and acknowledged."""

    code, status, message = "UNREADABLE_EVENT", 422, "The message is not a readable CloudEvent."


@dataclass(frozen=True, slots=True)
class Event:
    """One received CloudEvent; `sequence` is the aggregate's version when it happened."""

    id: str
    type: str
    source: str
    subject: str
    sequence: int
    data: Mapping[str, Any]
    audience: tuple[str, ...] = ()  # the users whose feeds contain it


def parse(raw: bytes) -> Event:
    """Parse the structured form. Raises UnreadableEvent, which names what is wrong."""
    if len(raw) > MAX_DATA:
        raise UnreadableEvent(f"The message data has {len(raw)} bytes; 256 KiB are the limit.")
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise UnreadableEvent("The message data is not JSON.") from None
    if not isinstance(body, dict) or body.get("specversion") != "1.0":
        raise UnreadableEvent("The message data is not a CloudEvent with specversion 1.0.")
    for name, limit in _LIMITS.items():
        value = body.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= limit or not value.isprintable():
            raise UnreadableEvent(f"The CloudEvent's {name} is missing or not a short string.")
    if not isinstance(body.get("data"), dict):
        raise UnreadableEvent("The CloudEvent's data is not an object.")
    sequence, audience = body.get("sequence", 0), body.get(AUDIENCE)
    return Event(
        body["id"],
        body["type"],
        body["source"],
        body["subject"],
        sequence if isinstance(sequence, int) else 0,
        body["data"],
        tuple(audience.split()) if isinstance(audience, str) else (),
    )


def attributes(envelope: Mapping[str, Any]) -> dict[str, str]:
    """The Pub/Sub attributes of an envelope."""
    names = ("specversion", "id", "source", "type", "subject", "time", "sequence", "traceparent", "wakes")
    named = {f"ce-{name}": str(envelope[name]) for name in names if name in envelope}
    return named | {"content-type": "application/cloudevents+json"}


class JsonModel(Protocol):
    """The interface of pydantic models that is used here: JSON output."""

    def model_dump_json(self) -> str: ...


@dataclass(frozen=True, slots=True)
class EventHead:
    """The fields of an envelope besides the data; `sequence` is the aggregate's version."""

    id: str
    kind: str
    subject: str
    sequence: int
    now: datetime


def source(operation: str) -> str:
    """The source of an operation's events."""
    return f"wallet-backend/{operation}"


def envelope(context: Context, head: EventHead, model: JsonModel) -> dict[str, Any]:
    """The CloudEvent for one event and one audience."""
    written = {
        "specversion": "1.0",
        "id": head.id,
        "source": source(context.operation),
        "type": head.kind,
        "subject": head.subject,
        "time": head.now.isoformat(),
        "datacontenttype": "application/json",
        "sequence": head.sequence,
        "request_id": context.request_id,
        "data": json.loads(model.model_dump_json()),
    }
    if context.request.causation_id:
        written["causation_id"] = context.request.causation_id
    if context.telemetry.traceparent:
        written["traceparent"] = context.telemetry.traceparent
    return written
