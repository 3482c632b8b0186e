"""A user's own events in commit order, and cursors into them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from schemas.events import CloudEvent
from shared import resources
from shared.domain import event_types
from shared.reads import pagination
from shared.runtime.errors import InvalidCursor
from shared.store import event_rows
from shared.store.port import Key
from shared.store.session import Session
from shared.store.tables.system import FEED, FeedEvent

SCANNED = 1_000  # rows per call; a filter without matches in them still moves the cursor
CHUNK = 200
FIRST = 20  # rows that are read before their size is known; an event has a quarter of a megabyte at most
MAX_CHARACTERS = 2_000_000  # of the events of one call, or a few more: its cursor continues
SKEW = timedelta(minutes=5)  # between the clocks of the committing and the reading process


@dataclass(frozen=True, slots=True)
class Chunk:
    """Events, oldest first, each with the cursor after it; `cursor` is after everything that was searched."""

    events: list[tuple[CloudEvent, str]]
    cursor: str
    position: Key = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader who continues: the owner of the feed, and a position in it."""

    user_id: str
    position: Key


def read(user_id: str, cursor: str | None, types: frozenset[str] | None, limit: int) -> Chunk:
    """Events after a cursor, by a strong read, so that nothing can appear before it later. Raises InvalidCursor."""
    return read_from(user_id, position(user_id, cursor), types, limit)


def read_from(user_id: str, after: Key, types: frozenset[str] | None, limit: int) -> Chunk:
    """Events after a position, by a strong read."""
    session = Session(resources.database().snapshot())
    events: list[tuple[CloudEvent, str]] = []
    scanned, characters, size = 0, 0, min(FIRST, limit) if types is None else FIRST
    while len(events) < limit and scanned < SCANNED and characters < MAX_CHARACTERS:
        rows = session.many(FEED.scan(user_id, after=after or None, limit=size))
        scanned += len(rows)
        characters += sum(len(json.dumps(row.envelope)) for row in rows)
        for row in event_rows.feed_events(rows, after):
            if len(events) == limit:
                break
            after = position_of(row)
            if types is None or row.type in types:
                events.append(with_cursor(row))
        if len(rows) < size:
            break
        left = (MAX_CHARACTERS - characters) * scanned // characters  # rows, if they go on like this
        size = max(1, min(left, limit - len(events) if types is None else CHUNK))
    return Chunk(events, pagination.encode(_binding(user_id), after), after)


def read_for(readers: Sequence[Reader], limit: int) -> list[FeedEvent]:
    """The events after the positions of many readers, in one strong read: by user, and in commit order for each user.
    The first of a user may be ones that the reader has seen.

    `limit` rows are read; if there are that many events or more, users after the last one's user may not be read.
    """
    rows: list[FeedEvent] = Session(resources.database().snapshot()).many(
        FEED.beyond((((reader.user_id,), reader.position) for reader in readers), limit)
    )
    return event_rows.feed_events(rows)


def position(user_id: str, cursor: str | None) -> Key:
    """The position of a cursor. Raises InvalidCursor, also for a cursor from the future, which would hide all events
    until then."""
    if not cursor:
        return ()
    found = pagination.decode(_binding(user_id), cursor)
    if found and found[0] > resources.clock().now() + SKEW:
        raise InvalidCursor()
    return found


def position_of(row: FeedEvent) -> Key:
    return (row.committed_at, row.ord, row.id)


def with_cursor(row: FeedEvent) -> tuple[CloudEvent, str]:
    """The event as its reader gets it, and the cursor that continues after it."""
    cursor = pagination.encode(_binding(row.user_id), position_of(row))
    return CloudEvent.model_validate(row.envelope), cursor


def _binding(user_id: str) -> list[str]:
    return ["events", user_id]


def types_of(types: str | None) -> frozenset[str] | None:
    """The requested event types; None for all. Raises InvalidValue."""
    return event_types.chosen(types.split(","), field="types") if types else None
