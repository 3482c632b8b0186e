"""A user's own events in commit order, and the cursors into them."""

from __future__ import annotations

from schemas.events import CloudEvent, EventPage
from shared import cursors, resources
from shared.store.records import FEED, FeedEvent
from shared.store.session import Session

SCANNED = 1_000  # rows per call; a filter that finds nothing in them still moves the cursor on
CHUNK = 200


def read(user_id: str, cursor: str | None, types: frozenset[str] | None, limit: int) -> EventPage:
    """One page. A strong read, so that nothing can appear behind the cursor later. Raises InvalidCursor."""
    binding = ["events", user_id]
    after = cursors.decode(binding, cursor) if cursor else ()
    session = Session(resources.database().snapshot())
    found: list[FeedEvent] = []
    scanned = 0
    while len(found) < limit and scanned < SCANNED:
        size = limit if types is None else CHUNK
        rows = session.many(FEED.scan(user_id, after=after or None, limit=size))
        scanned += len(rows)
        for row in rows:
            if len(found) == limit:
                break
            after = (row.committed_at, row.ord, row.id)
            if types is None or row.type in types:
                found.append(row)
        if len(rows) < size:
            break
    items = [CloudEvent.model_validate(row.envelope) for row in found]
    return EventPage(items=items, cursor=cursors.encode(binding, after))
