"""One mutation with any answer of the database: lost commit answers, concurrent twins, conflicts, refusals."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from shared import resources
from shared.domain.errors import InvalidState, Refusal
from shared.feed import user_events
from shared.runtime.context import Context, Idempotency, RequestInfo, deadline_in, running
from shared.runtime.errors import IdempotencyKeyReused
from shared.store import event_rows
from shared.store.port import Database
from shared.store.session import Session
from shared.store.tables import system
from shared.store.tables.system import DEAD_LETTERS, OPERATIONS, DeadLetter
from shared.store.unit_of_work import UnitOfWork
from shared.writes import commit, outbox_relay
from shared.writes.mutation import AlreadyApplied, Replay
from tests.emulated.conftest import Recorder
from tests.emulated.core.bodies import Body, Forgetful, count, letter, once


@pytest.mark.parametrize("fate", ["before", "after"])
@pytest.mark.parametrize("key", [None, "k"])
def test_a_lost_commit_answer_is_settled_by_the_record(core: Database, fate: str, key: str | None) -> None:
    fates = iter([fate, None, None])
    with resources.override(database=Forgetful(core, lambda: next(fates))):
        assert once("hello", key) == '{"text":"hello"}'
    assert count(core) == 1


def test_a_key_stands_for_one_request(core: Database) -> None:
    once("one", "k", "f1")
    with pytest.raises(IdempotencyKeyReused):
        once("one", "k", "f2")


def test_a_refusal_consults_the_record_inside_its_transaction(core: Database) -> None:
    def refusing(unit: UnitOfWork) -> Body:
        unit.many(DEAD_LETTERS.scan(limit=1))
        raise InvalidState(status="closed")

    once("one", "k")
    context = Context("test_op", "req", deadline_in(30), request=RequestInfo(Idempotency("k", "f")))
    with running(context), pytest.raises(Replay):
        commit.commit(refusing)
    context.request.idempotency = Idempotency("other", "f")
    with running(context), pytest.raises(InvalidState) as refused:
        commit.commit(refusing)
    assert refused.value.record_checked


def test_a_conflict_is_the_bodys_own_refusal(core: Database) -> None:
    class Taken(Refusal):
        code = "TEST_TAKEN"

    def twice(unit: UnitOfWork) -> Body:
        unit.on_conflict(Taken())
        unit.write(DeadLetter("dlq_same", "test", "t", "", "", {}, "new", 1, unit.now, unit.now))
        return Body("x")

    with running(Context("test_op", "req", deadline_in(30))):
        commit.commit(twice)
        with pytest.raises(Taken):
            commit.commit(twice)


def test_an_event_is_applied_once(core: Database) -> None:
    row = system.InboxRow("consumer", "evt_1", datetime.fromisoformat("2026-01-01T00:00:00+00:00"))
    with running(Context("test_op", "req", deadline_in(30))):
        commit.commit(letter, "effect", inbox=row)
        with pytest.raises(AlreadyApplied):
            commit.commit(letter, "effect", inbox=row)
    assert count(core) == 1


def test_state_record_audit_and_outbox_share_one_commit(core: Database, published: Recorder) -> None:
    published.failing = True

    def body(unit: UnitOfWork) -> Body:
        unit.emit("order.created", "ord_1", 1, Body("x"), feed=["usr_1"])
        return letter(unit, "x")

    with running(Context("test_op", "req", deadline_in(30), request=RequestInfo(Idempotency("k", "f")))):
        commit.commit(body)
    session = Session(core.snapshot())
    outbox = [row for shard in range(system.OUTBOX_SHARDS) for row in session.many(system.OUTBOX.scan(shard))]
    feed = session.many(system.FEED.scan("usr_1"))
    audit = [row for shard in range(system.AUDIT_SHARDS) for row in session.many(system.AUDIT.scan(shard))]
    assert session.maybe(OPERATIONS.find("anonymous", "k")) is not None
    assert len({row.committed_at for row in [*outbox, *feed, *audit]}) == 1
    assert [row.envelope["type"] for row in outbox] == ["order.created"]


@pytest.mark.parametrize("together, outbox_rows, feed_rows", [(False, 3, 5), (True, 1, 2)])
def test_events_that_share_rows_are_read_and_published_each(
    core: Database, published: Recorder, together: bool, outbox_rows: int, feed_rows: int
) -> None:
    published.failing = True
    kinds = ["order.claimed", "order.updated", "order.completed"]

    def body(unit: UnitOfWork) -> Body:
        for sequence, kind in enumerate(kinds, 1):
            unit.emit(kind, "ord_1", sequence, Body(kind), feed=["usr_1", "usr_2"][: 1 + sequence % 3])
        return letter(unit, "x")

    settings = replace(resources.settings(), events_together=together)
    with resources.override(settings=settings), running(Context("test_op", "req", deadline_in(30))):
        commit.commit(body)
    session = Session(core.snapshot())
    rows = session.many(system.OUTBOX.scan())
    assert (len(rows), len(session.many(system.FEED.scan()))) == (outbox_rows, feed_rows)
    for user, mine in (("usr_1", kinds), ("usr_2", kinds[:2])):
        seen, chunk = [], user_events.read(user, None, None, 1)
        while chunk.events:
            seen += [event.type for event, _ in chunk.events]
            chunk = user_events.read(user, chunk.cursor, None, 1)
        assert seen == mine
        only = user_events.read(user, None, frozenset({"order.updated"}), 5)
        assert [event.sequence for event, _ in only.events] == [2]
    published.failing = False
    assert outbox_relay.publish(rows).done == outbox_rows
    assert published.types == kinds and session.many(system.OUTBOX.scan()) == []


class Picky(Recorder):
    """A publisher without the topic of one type."""

    def publish(self, topic: str, envelope: Mapping[str, Any]) -> Future[str]:
        self.failing = envelope["type"] == "order.updated"
        return super().publish(topic, envelope)


def test_a_shared_row_keeps_what_was_not_published(core: Database, published: Recorder) -> None:
    published.failing = True

    def body(unit: UnitOfWork) -> Body:
        for sequence, kind in enumerate(("order.claimed", "order.updated", "order.completed"), 1):
            unit.emit(kind, "ord_1", sequence, Body(kind), feed=["usr_1"])
        return letter(unit, "x")

    settings, picky = replace(resources.settings(), events_together=True), Picky()
    with resources.override(settings=settings), running(Context("test_op", "req", deadline_in(30))):
        commit.commit(body)
    session = Session(core.snapshot())
    rows = session.many(system.OUTBOX.scan())
    with resources.override(publisher=picky):
        outbox_relay.publish(rows)
    (row,) = session.many(system.OUTBOX.scan())
    assert [event.envelope["type"] for event in event_rows.outgoing(row)] == ["order.updated"]
    assert picky.types == ["order.claimed", "order.completed"]
    published.failing = False
    outbox_relay.publish([row])
    assert session.many(system.OUTBOX.scan()) == [] and published.types == ["order.updated"]
