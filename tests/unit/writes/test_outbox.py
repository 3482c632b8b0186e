"""The outbox with more than a page, with less time than needed, or with a hanging Pub/Sub."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.maintenance import sweep_outbox as sweeping
from shared import resources
from shared.domain.permissions import Caller
from shared.runtime.context import Context, deadline_in, running
from shared.settings import load
from shared.store.commit_effects import Changes, Emitted
from shared.store.session import Session
from shared.store.tables.system import DEAD_LETTERS, OUTBOX, SWEEP_MARKS, OutboxRow
from shared.writes import outbox_relay
from shared.writes.outbox_relay import Published
from tests.model.store import MemoryDatabase

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SHARD = 3


@dataclass
class World:
    database: MemoryDatabase = field(default_factory=lambda: MemoryDatabase(now=lambda: NOW))
    published: list[str] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    hangs: bool = False
    broken: dict[str, Exception] = field(default_factory=dict)  # by topic

    def now(self) -> datetime:
        return NOW

    def publish(self, topic: str, envelope: dict[str, Any]) -> Future[str]:
        future: Future[str] = Future()
        self.published.append(envelope["id"])
        if topic in self.broken:
            future.set_exception(self.broken[topic])
        elif not self.hangs:
            future.set_result("1")
        return future

    def expire(self, kind: str, identity: str, version: int) -> None:
        self.expired.append(identity)

    def store(self, rows: int) -> None:
        for number in range(rows):
            at = NOW - timedelta(days=2) + timedelta(minutes=number)
            row = OutboxRow(SHARD, at, 0, f"evt_{number:04}", "order-events", {"id": f"evt_{number:04}"}, 0)
            self.database.write([OUTBOX.write("insert", row)])

    def left(self) -> int:
        return len(Session(self.database.snapshot()).many(OUTBOX.scan(SHARD)))

    def sweep(self, seconds: float = 58.0) -> None:
        context = Context("sweep_outbox", "req", deadline_in(seconds))
        context.caller = Caller.of_system()
        with running(context):
            sweeping.sweep_outbox()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(sweeping, "BATCH", 5)
    made = World()
    with resources.override(
        fresh=True, settings=load({}), clock=made, database=made.database, publisher=made, cache=made
    ):
        yield made


def test_a_backlog_is_worked_off_in_one_run(world: World) -> None:
    world.store(23)
    world.sweep()
    assert world.left() == 0 and len(world.published) == 23


def test_a_run_that_ends_early_keeps_how_far_it_is(world: World) -> None:
    world.store(23)
    scanned: list[datetime] = []
    real = world.database.read

    def read(*reads: Any) -> Any:
        scanned.extend(
            one.span.start[1]
            for one in reads
            if one.table == "outbox" and len(one.span.start) > 1 and one.span.start[0] == SHARD
        )
        return real(*reads)

    world.sweep(seconds=10.0)  # one page
    (mark,) = [
        one
        for one in Session(world.database.snapshot()).many(SWEEP_MARKS.scan("outbox"))
        if one.shard == SHARD
    ]
    assert world.left() == 18
    assert mark.mark > NOW - timedelta(days=3)
    world.database.read = read  # type: ignore[method-assign]
    world.sweep(seconds=10.0)
    assert world.left() == 13
    assert min(scanned) > NOW - timedelta(days=3), "not from the beginning of time"


def test_an_hourly_look_back_does_not_read_what_was_deleted_long_ago(world: World) -> None:
    world.sweep()
    marks = Session(world.database.snapshot()).many(SWEEP_MARKS.scan("outbox"))
    later = NOW + timedelta(hours=1, minutes=5)
    assert all(sweeping._start(mark, later) >= NOW - timedelta(hours=2) for mark in marks)


def _placed(number: int) -> Changes:
    """What the commit of an order leaves to do: an event to publish, and a cached copy to expire."""
    changes = Changes(number)
    envelope = {"id": f"evt_{number}", "type": "order.placed", "subject": f"ord_{number}"}
    changes.events.append(Emitted(number, envelope, "order-events", f"evt_{number}"))
    changes.stale["orders", f"ord_{number}"] = 1
    return changes


def test_commits_wait_for_nothing_while_pubsub_hangs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.hangs = True
    monkeypatch.setattr(outbox_relay, "AFTER_COMMIT_SECONDS", 0.0)
    monkeypatch.setattr(outbox_relay, "PUBLISH_SECONDS", 0.2)
    context = Context("place_order", "req", deadline_in(60))
    context.caller = Caller.of_system()
    with running(context):
        for number in range(400):
            outbox_relay.after_commit([_placed(number)], NOW)
        resources.memory(outbox_relay.CacheThreads).shutdown(wait=True)
        threads = resources.memory(outbox_relay.RelayThreads)
        assert len(world.expired) == 400
        assert threads._work_queue.qsize() <= outbox_relay.MAX_WAITING
        threads.shutdown(wait=True)
    assert len(world.published) < 2 * outbox_relay.MAX_WAITING
    assert threading.active_count() < 50


def several(world: World, *topics: str) -> None:
    """Store one row with an event for each topic, two days old."""
    changes = Changes(together=True)
    for number, topic in enumerate(topics):
        envelope = {
            "id": f"evt_{number}", "type": "order.updated", "subject": f"ord_{number}", "audience": "usr_1",
        }  # fmt: skip
        changes.events.append(Emitted(number, envelope, topic, f"evt_{number}"))
    (row,) = changes.outbox_rows(NOW - timedelta(days=2))
    world.database.write([OUTBOX.write("insert", row)])


def everywhere(world: World) -> int:
    return len(Session(world.database.snapshot()).many(OUTBOX.scan()))


def test_a_row_of_several_events_stays_until_all_are_published(world: World) -> None:
    several(world, "order-events", "unreachable", "claim-events")
    world.broken["unreachable"] = ConnectionError("injected")
    world.sweep()
    assert everywhere(world) == 1 and set(world.published) == {"evt_0", "evt_1", "evt_2"}
    world.sweep()
    world.broken.clear()
    world.sweep()
    assert everywhere(world) == 0
    assert [world.published.count(f"evt_{number}") for number in range(3)] == [1, 3, 1], (
        "what Pub/Sub has accepted is not published again because of another event"
    )


def test_two_runs_that_publish_different_events_of_a_row_lose_none(world: World) -> None:
    """Whatever is missing in a row has been published, whichever run writes the row last or deletes it."""
    several(world, "order-events", "first", "second")
    (row,) = Session(world.database.snapshot()).many(OUTBOX.scan())
    for down in ("first", "second"):  # the second run has read the row before the first one wrote it
        world.broken = {down: ConnectionError("injected")}
        outbox_relay.publish([row])
    assert everywhere(world) == 1
    world.broken.clear()
    (left,) = Session(world.database.snapshot()).many(OUTBOX.scan())
    outbox_relay.publish([left])
    assert everywhere(world) == 0 and set(world.published) == {"evt_0", "evt_1", "evt_2"}
    world.broken = {"first": ConnectionError("injected")}
    outbox_relay.publish([row])
    assert everywhere(world) == 0, "a run that is late does not bring the row back"


def test_only_the_refused_event_of_a_row_becomes_a_letter(world: World) -> None:
    several(world, "order-events", "refused", "unreachable")
    world.broken |= {"refused": ValueError("too large"), "unreachable": ConnectionError("injected")}
    world.sweep()
    letters = Session(world.database.snapshot()).many(DEAD_LETTERS.scan())
    assert (everywhere(world), letters) == (1, []), "the others are not published yet"
    del world.broken["unreachable"]
    world.sweep()
    (letter,) = Session(world.database.snapshot()).many(DEAD_LETTERS.scan())
    assert (letter.topic, json.loads(letter.body)["id"]) == ("refused", "evt_1")
    assert everywhere(world) == 0


@pytest.mark.parametrize("stays", [True, False])
def test_an_answer_waits_for_pubsub_only_where_no_processor_stays_or_the_threads_are_behind(
    world: World, monkeypatch: pytest.MonkeyPatch, stays: bool
) -> None:
    accepts = threading.Event()
    waited: list[int] = []  # the futures that each commit waits for: its cache entry, and its events
    monkeypatch.setattr(outbox_relay, "wait", lambda futures, timeout: waited.append(len(futures)))
    monkeypatch.setattr(outbox_relay, "publish", lambda rows: accepts.wait(10) and Published(1, []))
    context = Context("place_order", "req", deadline_in(60), caller=Caller.of_system())
    settings = replace(resources.settings(), work_after_answers=stays)
    with resources.override(settings=settings), running(context):
        for number in range(30):
            outbox_relay.after_commit([_placed(number)], NOW)
        accepts.set()
        resources.memory(outbox_relay.RelayThreads).shutdown(wait=True)
    assert waited[:8] == ([1] * 8 if stays else [2] * 8)
    assert waited[-1] == 2, "more commits than threads wait for Pub/Sub"
