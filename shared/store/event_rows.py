"""How the events of a commit are stored: each in a row of its own, or several in one row, which saves rows.

The rows are those of the outbox, and of users' feeds. Release 0.0.1 cannot read a row of several events, so the setting
EVENTS_TOGETHER decides whether they are written (docs/delivery.md). Both forms are always read.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeVar

from shared.store.port import Key
from shared.store.tables.system import FeedEvent, OutboxRow

SEVERAL: Final = "*"  # the topic, or the type, of a row of several events
# Of several events in one row. Readers bound the rows that they hold in memory, so sharing must not make rows larger
# than the largest single events are; the events of an order have a few thousand characters.
MAX_EVENTS: Final = 16
MAX_CHARACTERS: Final = 64_000
T = TypeVar("T", OutboxRow, FeedEvent)


class Outgoing(NamedTuple):
    """An event on its way to a topic."""

    topic: str
    envelope: dict[str, Any]


def outbox_together(rows: Iterable[OutboxRow]) -> list[OutboxRow]:
    """The outbox rows of a commit, those of a shard in one, which has the place of the first."""
    return [_outbox_row(group) for group in _groups(rows, lambda row: row.shard)]


def _outbox_row(group: Sequence[OutboxRow]) -> OutboxRow:
    if len(group) == 1:
        return group[0]
    return _holding(group[0], (Outgoing(row.topic, row.envelope) for row in group))


def with_only(row: OutboxRow, events: Sequence[Outgoing]) -> OutboxRow:
    """The outbox row with only these of its events; the same row if these are all of them."""
    return row if len(events) == len(outgoing(row)) else _holding(row, events)


def _holding(row: OutboxRow, events: Iterable[Outgoing]) -> OutboxRow:
    return replace(row, topic=SEVERAL, envelope={"events": [event._asdict() for event in events]})


def outgoing(row: OutboxRow) -> list[Outgoing]:
    """The events of an outbox row."""
    if row.topic != SEVERAL:
        return [Outgoing(row.topic, row.envelope)]
    return [Outgoing(one["topic"], one["envelope"]) for one in row.envelope["events"]]


def feed_together(rows: Iterable[FeedEvent]) -> list[FeedEvent]:
    """The feed rows of a commit, those of a user in one, which has the place of the last: a reader who continues after
    any other of its events meets the row again."""
    return [_feed_row(group) for group in _groups(rows, lambda row: row.user_id)]


def _feed_row(group: Sequence[FeedEvent]) -> FeedEvent:
    if len(group) == 1:
        return group[0]
    events = [{"ord": row.ord, "envelope": row.envelope} for row in group]
    return replace(group[-1], type=SEVERAL, subject=SEVERAL, envelope={"events": events})


def feed_events(rows: Iterable[FeedEvent], after: Key = ()) -> list[FeedEvent]:
    """The events of feed rows, each as a row of its own, without those up to the position `after`."""
    found = (event for row in rows for event in _feed_events(row))
    return [one for one in found if (one.committed_at, one.ord, one.id) > after]


def _feed_events(row: FeedEvent) -> Iterator[FeedEvent]:
    if row.type != SEVERAL:
        yield row
        return
    for one in row.envelope["events"]:
        envelope = one["envelope"]
        yield replace(
            row,
            ord=one["ord"],
            id=envelope["id"],
            type=envelope["type"],
            subject=envelope["subject"],
            envelope=envelope,
        )


def _groups(rows: Iterable[T], place: Callable[[T], Hashable]) -> Iterator[list[T]]:
    """The rows by place, in their order; a group that would become too large is continued in another."""
    by_place: dict[Hashable, list[T]] = defaultdict(list)
    for row in rows:
        by_place[place(row)].append(row)
    for same in by_place.values():
        if len(same) == 1:  # most often
            yield same
            continue
        group, length = [same[0]], _length(same[0])
        for row in same[1:]:
            if len(group) == MAX_EVENTS or length + _length(row) > MAX_CHARACTERS:
                yield group
                group, length = [], 0
            group.append(row)
            length += _length(row)
        yield group


def _length(row: OutboxRow | FeedEvent) -> int:
    return len(json.dumps(row.envelope))
