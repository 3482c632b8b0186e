"""A user's own events in commit order, and the cursors into them."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.events import CloudEvent
from shared import resources
from shared.domain import event_types
from shared.reads import pagination
from shared.store.port import Key
from shared.store.session import Session
from shared.store.tables.system import FEED

SCANNED = 1_000  # rows per call; a filter that finds nothing in them still moves the cursor on
CHUNK = 200


@dataclass(frozen=True, slots=True)
class Chunk:
    """Events oldest first, each with the cursor behind it; `cursor` is behind everything that was looked at."""

    events: list[tuple[CloudEvent, str]]
    cursor: str


def read(user_id: str, cursor: str | None, types: frozenset[str] | None, limit: int) -> Chunk:
    """Events behind a cursor. A strong read, so that nothing can appear behind it later. Raises InvalidCursor."""
    binding = ["events", user_id]
    after: Key = pagination.decode(binding, cursor) if cursor else ()
    session = Session(resources.database().snapshot())
    events: list[tuple[CloudEvent, str]] = []
    scanned = 0
    while len(events) < limit and scanned < SCANNED:
        size = limit if types is None else CHUNK
        rows = session.many(FEED.scan(user_id, after=after or None, limit=size))
        scanned += len(rows)
        for row in rows:
            if len(events) == limit:
                break
            after = (row.committed_at, row.ord, row.id)
            if types is None or row.type in types:
                events.append((CloudEvent.model_validate(row.envelope), pagination.encode(binding, after)))
        if len(rows) < size:
            break
    return Chunk(events, pagination.encode(binding, after))


def types_of(types: str | None) -> frozenset[str] | None:
    """The event types that a request names; None for all. Raises InvalidValue."""
    return event_types.chosen(types.split(","), field="types") if types else None
