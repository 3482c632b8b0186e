"""The work that a body leaves for after its commit: events to publish and stale cache entries to expire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.runtime.context import Context
from shared.store.port import COMMIT_TIMESTAMP
from shared.store.tables import system


@dataclass(frozen=True, slots=True)
class Emitted:
    """One event of this commit; `ord` is its position in the commit, `row_id` the id of its outbox row."""

    ord: int
    envelope: dict[str, Any]
    topic: str
    row_id: str

    @property
    def id(self) -> str:
        return str(self.envelope["id"])

    @property
    def shard(self) -> int:
        return system.shard_of(self.envelope["subject"], system.OUTBOX_WRITTEN)

    def row(self, committed_at: Any) -> system.OutboxRow:
        """The event's outbox row; while writing, `committed_at` is the commit-timestamp marker."""
        return system.OutboxRow(self.shard, committed_at, self.ord, self.row_id, self.topic, self.envelope, 0)


@dataclass(slots=True)
class Changes:
    """The work left after a committed body; `first` is the position of its first event in the commit."""

    first: int = 0
    events: list[Emitted] = field(default_factory=list)
    stale: dict[tuple[str, str], int] = field(default_factory=dict)  # (table, id) → version
    audit_resource: str | None = None
    audit_details: dict[str, Any] | None = None
    measured: list[Callable[[], None]] = field(default_factory=list)

    @property
    def place(self) -> int:
        """The position of the next event in the commit."""
        return self.first + len(self.events)


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
        system.shard_of(identity, system.AUDIT_WRITTEN),
        COMMIT_TIMESTAMP,
        identity,
        context.principal,
        context.operation,
        resource,
        context.request_id,
        context.request.causation_id,
        events,
        now,
        context.caller.session_id if context.caller else None,
        context.request.network,
        _with_acting(context, details),
    )


def _with_acting(context: Context, details: dict[str, Any] | None) -> dict[str, Any] | None:
    """Add the acting administrator to the details if an administrator acts for a user."""
    acting_for = context.caller.acting_for if context.caller else None
    return details if acting_for is None else {**(details or {}), "acting_for": acting_for}
