"""What a body leaves to tell once it is committed: its events, the cached rows it made stale."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from shared.context import Context
from shared.store import records
from shared.store.port import COMMIT_TIMESTAMP


class Answer(Protocol):
    """What pydantic models offer: the JSON that crosses the border."""

    def model_dump_json(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Emitted:
    """One event of this commit; `ord` is its place in the commit, `row_id` its outbox row's name."""

    ord: int
    envelope: dict[str, Any]
    topic: str
    row_id: str

    @property
    def id(self) -> str:
        return str(self.envelope["id"])

    @property
    def shard(self) -> int:
        return records.shard_of(self.envelope["subject"], records.OUTBOX_SHARDS)

    def row(self, committed_at: Any) -> records.OutboxRow:
        """Its row in the outbox; `committed_at` is the marker while writing."""
        return records.OutboxRow(
            self.shard, committed_at, self.ord, self.row_id, self.topic, self.envelope, 0
        )


@dataclass(slots=True)
class Changes:
    """What a committed body leaves to do and to tell; `first` is the place of its first event in the commit."""

    first: int = 0
    events: list[Emitted] = field(default_factory=list)
    stale: dict[tuple[str, str], int] = field(default_factory=dict)  # (table, id) → version
    audit_resource: str | None = None
    measured: list[Callable[[], None]] = field(default_factory=list)

    @property
    def place(self) -> int:
        """The place of the next event in the commit."""
        return self.first + len(self.events)


@dataclass(frozen=True, slots=True)
class Told:
    """What an envelope says beside the data: `sequence` is the aggregate's version."""

    id: str
    kind: str
    subject: str
    sequence: int
    now: datetime


def envelope(context: Context, told: Told, model: Answer) -> dict[str, Any]:
    """The CloudEvent of one event as one audience sees it."""
    found = {
        "specversion": "1.0",
        "id": told.id,
        "source": f"wallet-backend/{context.operation}",
        "type": told.kind,
        "subject": told.subject,
        "time": told.now.isoformat(),
        "datacontenttype": "application/json",
        "sequence": told.sequence,
        "request_id": context.request_id,
        "data": json.loads(model.model_dump_json()),
    }
    if context.causation_id:
        found["causation_id"] = context.causation_id
    if context.traceparent:
        found["traceparent"] = context.traceparent
    return found


def audit_row(
    context: Context, identity: str, resource: str | None, events: list[str], now: datetime
) -> records.AuditRow:
    """Who does what in this run, to be inserted."""
    return records.AuditRow(
        records.shard_of(identity, records.AUDIT_SHARDS),
        COMMIT_TIMESTAMP,
        identity,
        context.principal,
        context.operation,
        resource,
        context.request_id,
        context.causation_id,
        events,
        now,
    )
