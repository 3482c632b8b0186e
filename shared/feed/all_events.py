"""The events of all users, for operators: read from the audit log, where each commit has a row with its events.

The log is spread over shards, each sorted newest first. One strong read covers the same time span in all shards, so
nothing can appear before a position that was passed. A span with too many rows is halved until it fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from schemas.events import CloudEvent
from shared import resources
from shared.domain import event_types
from shared.feed.user_events import SKEW, Chunk
from shared.reads import pagination
from shared.runtime import cloud_event
from shared.runtime.errors import InvalidCursor
from shared.store.port import Key
from shared.store.session import Session
from shared.store.tables.system import AUDIT, AUDIT_SHARDS, AuditRow

BINDING: Final = ["everybody's events"]
ROWS: Final = 1_000  # per read, of all shards together
BACK: Final = timedelta(seconds=5)  # a stream without a cursor starts this long before now
KEPT: Final = timedelta(hours=24)  # maximum age of a cursor; GET /audit has older events
INSTANT: Final = timedelta(microseconds=1)
PositionedEvent = tuple[Key, CloudEvent]  # (position after it, event)


def position(cursor: str | None) -> Key:
    """The position of a cursor: a commit time, a row of that commit, an event of that row. Raises InvalidCursor."""
    now = resources.clock().now()
    if not cursor:
        return (now - BACK, "", 0)
    found = pagination.decode(BINDING, cursor)
    if not now - KEPT <= found[0] <= now + SKEW:
        raise InvalidCursor()
    return found


def read_from(after: Key, types: frozenset[str] | None, limit: int) -> Chunk:
    """At most `limit` events after a position, oldest first."""
    found, end = events_after(after)
    events: list[tuple[CloudEvent, str]] = []
    for place, event in found:
        if types is None or event.type in types:
            if len(events) == limit:
                break
            events.append(with_cursor(place, event))
        after = place
    else:
        after = max(after, end)
    return Chunk(events, pagination.encode(BINDING, after), after)


def events_after(after: Key) -> tuple[list[PositionedEvent], Key]:
    """The events after a position, oldest first, and the position up to which the read is complete."""
    rows, end = _rows(after[0])
    found = [one for row in rows for one in _events(row) if one[0] > after]
    if end is not None:
        return found, (end, "", 0)
    return found, (rows[-1].committed_at, rows[-1].id, len(rows[-1].events)) if rows else after


def with_cursor(place: Key, event: CloudEvent) -> tuple[CloudEvent, str]:
    """The event, and the cursor that continues after it."""
    return event, pagination.encode(BINDING, place)


def _rows(since: datetime) -> tuple[list[AuditRow], datetime | None]:
    """The log's rows from a time on, oldest first. If there are too many, only up to a returned time (exclusive)."""
    session = Session(resources.database().snapshot())
    until: datetime | None = None
    rows = _read(session, since, None, ROWS)
    while len(rows) == ROWS and (until is None or until - since > INSTANT):
        newest = until or max(row.committed_at for row in rows) + INSTANT
        until = since + max(INSTANT, (newest - since) / 2)
        rows = _read(session, since, until, ROWS if until - since > INSTANT else 0)
    return sorted(rows, key=lambda row: (row.committed_at, row.id)), until


def _read(session: Session, since: datetime, until: datetime | None, limit: int) -> Sequence[AuditRow]:
    return session.many(
        AUDIT.within(
            ((shard,) for shard in range(AUDIT_SHARDS)), (until,) if until else None, (since,), limit
        )
    )


def _events(row: AuditRow) -> Iterator[PositionedEvent]:
    """The events that the commit published. The log does not contain their content; readers get the resource itself."""
    for place, kind in enumerate(row.events, 1):
        if kind in event_types.TYPES:
            event = CloudEvent(
                id=f"{row.id}.{place}",
                source=cloud_event.source(row.action),
                type=kind,
                subject=row.resource or row.id,
                time=row.committed_at,
                sequence=place,
                causation_id=row.causation_id,
                data={"actor": row.actor, "action": row.action},
            )
            yield (row.committed_at, row.id, place), event
