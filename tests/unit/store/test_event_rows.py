"""A commit's events in rows of their own, or together: the same events come out, for every reader and position."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.runtime.cloud_event import AUDIENCE
from shared.store import event_rows
from shared.store.commit_effects import Changes, Emitted
from shared.store.session import Session
from shared.store.tables.system import FEED, FeedEvent
from tests.model.store import MemoryDatabase

AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
BEFORE = datetime(2026, 11, 27, 11, tzinfo=UTC)


def envelope(number: int, audience: str = "usr_1 usr_2", more: str = "") -> dict[str, Any]:
    return {
        "id": f"evt_{9 - number % 10}{number}", "type": "order.updated", "subject": f"ord_{number}",
        "data": {"more": more}, AUDIENCE: audience,
    }  # fmt: skip


def changes(*envelopes: dict[str, Any], together: bool = True, first: int = 0) -> Changes:
    made = Changes(first, together)
    for one in envelopes:
        users = one[AUDIENCE].split()
        row = [
            FeedEvent(user, AT, made.place, one["id"], one["type"], one["subject"], {**one, "for": user})
            for user in users
        ]
        made.events.append(Emitted(made.place, one, "order-events", one["id"], tuple(row)))
    return made


def told(made: Changes) -> list[tuple[str, dict[str, Any]]]:
    return [tuple(event) for row in made.outbox_rows(AT) for event in event_rows.outgoing(row)]


def test_off_each_event_has_the_row_that_the_release_before_reads() -> None:
    made = changes(envelope(1), envelope(2), together=False)
    rows = made.outbox_rows(AT)
    assert [(row.ord, row.id, row.topic, row.envelope) for row in rows] == [
        (number, one["id"], "order-events", one) for number, one in enumerate((envelope(1), envelope(2)))
    ]
    assert [(row.user_id, row.type, row.subject) for row in made.feed_rows()] == [
        (user, "order.updated", subject) for subject in ("ord_1", "ord_2") for user in ("usr_1", "usr_2")
    ]


def test_one_event_has_the_same_row_either_way() -> None:
    alone, together = changes(envelope(1), together=False), changes(envelope(1))
    assert alone.outbox_rows(AT) == together.outbox_rows(AT) and alone.feed_rows() == together.feed_rows()


def test_events_of_one_owner_share_a_row_and_keep_their_order() -> None:
    several = [envelope(number) for number in range(4)]
    (row,) = changes(*several).outbox_rows(AT)
    assert (row.ord, row.id, row.topic) == (0, several[0]["id"], event_rows.SEVERAL)
    assert told(changes(*several)) == [("order-events", one) for one in several]
    assert len(changes(*several).feed_rows()) == 2


def test_each_subject_stays_in_its_owners_shard() -> None:
    """Else a sweep would publish a later change of an order before an earlier one."""
    theirs, ours = [envelope(n, "usr_b usr_a") for n in (1, 3)], [envelope(n, "usr_a usr_b") for n in (2, 4)]
    rows = changes(theirs[0], ours[0], theirs[1], ours[1]).outbox_rows(AT)
    assert [[one.envelope["id"] for one in event_rows.outgoing(row)] for row in rows] == [
        [one["id"] for one in theirs],
        [one["id"] for one in ours],
    ]
    (alone,) = changes(envelope(5, "usr_b")).outbox_rows(AT)
    assert alone.shard == rows[0].shard != rows[1].shard


@pytest.mark.parametrize("size, most", [(10, event_rows.MAX_EVENTS), (30_000, 2), (900_000, 1)])
def test_a_row_is_bounded_in_number_and_size(size: int, most: int) -> None:
    made = changes(*(envelope(number, "usr_1", "x" * size) for number in range(40)))
    for rows in (made.outbox_rows(AT), made.feed_rows()):
        assert len(rows) == -(-40 // most)
    assert [one["id"] for _, one in told(made)] == [envelope(number)["id"] for number in range(40)]


@pytest.mark.parametrize("together", [False, True])
def test_a_reader_continues_after_any_event(together: bool) -> None:
    """Also one in the middle of a row, and for a group commit, in which each member has rows of its own."""
    database = MemoryDatabase(now=lambda: AT)
    group = [
        changes(*(envelope(n) for n in range(20)), together=together),
        changes(envelope(20), together=together, first=20),
        changes(envelope(21), envelope(22), together=together, first=21),
    ]
    database.write([FEED.write("insert", row) for made in group for row in made.feed_rows()])
    session = Session(database.snapshot())
    rows = session.many(FEED.scan("usr_2"))
    assert len(rows) == (4 if together else 23)
    everything = event_rows.feed_events(rows)
    assert [one.envelope for one in everything] == [{**envelope(n), "for": "usr_2"} for n in range(23)]
    assert [(one.ord, one.id, one.subject) for one in everything] == [
        (n, envelope(n)["id"], f"ord_{n}") for n in range(23)
    ]
    for number, one in enumerate(everything):
        after = (one.committed_at, one.ord, one.id)
        following = session.many(FEED.scan("usr_2", after=after, limit=1))
        found = event_rows.feed_events(following, after)
        assert found == everything[number + 1 :][: len(found)]
        assert bool(found) == (number < 22), "a reader never stops before the end"
    assert event_rows.feed_events(rows, (BEFORE,)) == everything
