"""The work that a body leaves for after its commit: events to publish and stale cache entries to expire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared.runtime import cloud_event
from shared.runtime.context import Context
from shared.store import event_rows
from shared.store.port import COMMIT_TIMESTAMP
from shared.store.tables import system


@dataclass(frozen=True, slots=True)
class Emitted:
    """One event of this commit; `ord` is its position in the commit, `row_id` the id of its own outbox row, `feed` has
    its rows in users' feeds."""

    ord: int
    envelope: dict[str, Any]
    topic: str
    row_id: str
    feed: tuple[system.FeedEvent, ...] = ()

    @property
    def id(self) -> str:
        return str(self.envelope["id"])

    @property
    def shard(self) -> int:
        """The shard of its owner, the first of its audience: so events of one subject are swept in their order."""
        owner = str(self.envelope.get(cloud_event.AUDIENCE) or self.envelope["subject"]).split()[0]
        return system.shard_of(owner, system.OUTBOX_WRITTEN)

    def row(self, committed_at: Any) -> system.OutboxRow:
        """An outbox row for this event alone."""
        return system.OutboxRow(self.shard, committed_at, self.ord, self.row_id, self.topic, self.envelope, 0)


@dataclass(slots=True)
class Changes:
    """The work left after a committed body; `first` is the position of its first event in the commit, `together`
    whether events share rows."""

    first: int = 0
    together: bool = False
    events: list[Emitted] = field(default_factory=list)
    stale: dict[tuple[str, str], int] = field(default_factory=dict)  # (table, id) → version
    audit_resource: str | None = None
    audit_details: dict[str, Any] | None = None
    measured: list[Callable[[], None]] = field(default_factory=list)
    _shared: tuple[int, list[system.OutboxRow]] | None = None  # outbox rows of so many events

    @property
    def place(self) -> int:
        """The position of the next event in the commit."""
        return self.first + len(self.events)

    def outbox_rows(self, committed_at: Any) -> list[system.OutboxRow]:
        """The outbox rows of the events; while writing, `committed_at` is the commit-timestamp marker."""
        if not self.together:
            return [event.row(committed_at) for event in self.events]
        if self._shared is None or self._shared[0] != len(self.events):
            rows = event_rows.outbox_together(event.row(COMMIT_TIMESTAMP) for event in self.events)
            self._shared = len(self.events), rows
        return [replace(row, committed_at=committed_at) for row in self._shared[1]]

    def feed_rows(self) -> list[system.FeedEvent]:
        """The rows of the events in users' feeds."""
        rows = [row for event in self.events for row in event.feed]
        return event_rows.feed_together(rows) if self.together else rows


def audit_row(
    context: Context,
    identity: str,
    resource: str | None,
    events: list[str],
    now: datetime,
    *,
    details: dict[str, Any] | None = None,
) -> system.AuditRow:
    """The audit row of this run: who did what, and from where."""
    return system.AuditRow(
        shard=system.shard_of(identity, system.AUDIT_WRITTEN),
        committed_at=COMMIT_TIMESTAMP,
        id=identity,
        actor=context.principal,
        action=context.operation,
        resource=resource,
        request_id=context.request_id,
        causation_id=context.request.causation_id,
        events=events,
        happened_at=now,
        session_id=context.caller.session_id if context.caller else None,
        network=context.request.network,
        details=_with_acting(context, details),
    )


def _with_acting(context: Context, details: dict[str, Any] | None) -> dict[str, Any] | None:
    """Add the acting administrator to the details if an administrator acts for a user."""
    acting_for = context.caller.acting_for if context.caller else None
    return details if acting_for is None else {**(details or {}), "acting_for": acting_for}
