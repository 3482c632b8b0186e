"""Kill the desk's process at each named point: money is conserved, every event is delivered, and every effect happens
once.

KILLS is the number of days (seeds), each with a death at every point; SEED is the first.
"""

from __future__ import annotations

import json
import os
import signal
import time
import uuid
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from shared import resources
from shared.adapters.message_queue import MessageQueue, Subscription
from shared.runtime import crash_points
from shared.settings import load
from shared.store import event_rows
from shared.store.port import Database
from shared.store.session import Session
from shared.store.tables import system
from shared.store.tables.claims import CLAIMS, PAYMENTS
from shared.store.tables.orders import ORDERS
from shared.store.tables.supplies import SUPPLIES
from shared.store.tables.transactions import TRANSACTIONS
from tests.emulated.desk.invariants import balanced
from tests.emulated.desk.killed_process import Life, Scene, bus, live
from tests.emulated.desk.world import ETHER, Desk
from tests.support.clock import TestClock
from tests.support.proof import SEED, figure, size
from tests.support.stores import EMBEDDED, STORE, leads_to

KILLS = size("KILLS", 1)
POINTS = crash_points.POINTS - {"after_delivery"}  # points of webhooks, which the desk's day does not use
TOPICS = ("supply-events", "order-events", "claim-events", "transaction-events")
MARKS = ("wakes",)  # a second relay of an event may set another


def _unmarked(envelope: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in envelope.items() if name not in MARKS}


@dataclass
class Listener:
    """A subscriber to every topic of the Pub/Sub emulator, in its own project, from before the first event."""

    project: str = field(default_factory=lambda: f"kill-{uuid.uuid4().hex[:12]}")
    heard: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        publisher, self._client = PublisherClient(), SubscriberClient()
        self._names = [self._client.subscription_path(self.project, topic) for topic in TOPICS]
        for topic, name in zip(TOPICS, self._names, strict=True):
            path = publisher.topic_path(self.project, topic)
            publisher.create_topic(name=path)
            self._client.create_subscription(
                request={"name": name, "topic": path, "ack_deadline_seconds": 60}
            )
        publisher.transport.close()

    def listen(self) -> None:
        """Receive the waiting messages."""
        for name in self._names:
            request = {"subscription": name, "max_messages": 1000, "return_immediately": True}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                answer = self._client.pull(request=request)
            for one in answer.received_messages:
                envelope = _unmarked(json.loads(one.message.data))
                assert self.heard.setdefault(envelope["id"], envelope) == envelope
            if answer.received_messages:
                ids = [one.ack_id for one in answer.received_messages]
                self._client.acknowledge(subscription=name, ack_ids=ids)

    def close(self) -> None:
        self._client.close()


@dataclass
class QueueListener:
    """A subscriber to the embedded queue."""

    path: Path
    project: str = "kill"
    heard: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._queue = MessageQueue(self.path, durability="OFF")
        self._queue.provision(TOPICS, [Subscription(topic, topic, "") for topic in TOPICS])

    def listen(self) -> None:
        """Receive the waiting messages."""
        for delivery in self._queue.due(time.time(), 1000):
            envelope = _unmarked(json.loads(delivery.data))
            assert self.heard.setdefault(envelope["id"], envelope) == envelope
            self._queue.taken(delivery)

    def close(self) -> None:
        self._queue.file.close()


@dataclass
class Stage:
    """Runs one process after the other, until the day is over."""

    desk: Desk
    clock: TestClock
    listener: Listener | QueueListener
    scene: Scene
    told: dict[str, tuple[int, str]] = field(default_factory=dict)

    def live(self, fault: str = "") -> Life:
        """Run a process; two processes must get the same answer under one key."""
        life = live(self.scene, fault)
        again = {name: answer for name, answer in life.told.items() if name in self.told}
        assert again == {name: self.told[name] for name in again}
        self.told |= life.told
        return life

    def check(self) -> None:
        """Check money, events and effects."""
        self.clock.advance(timedelta(seconds=60))  # the sweeper publishes what requests left behind
        session = Session(resources.database().snapshot())
        deadline = time.monotonic() + 30
        while session.many(system.OUTBOX.scan()):
            assert time.monotonic() < deadline, "the outbox is never empty"
            assert self.desk.app.schedule("sweep_outbox").status == 204
        committed = {row.id for row in event_rows.feed_events(session.many(system.FEED.scan()))}
        while not committed <= self.listener.heard.keys():
            assert time.monotonic() < deadline, "a committed event was never delivered"
            self.listener.listen()
        assert self.listener.heard.keys() <= committed, "an event was delivered that was never committed"
        balanced(session)
        self._once(session)

    def _once(self, session: Session) -> None:
        """Check that each key had its effect, once."""
        price = int(self.scene.price[2:]) * ETHER // 10
        statuses = {row.amount: row.status for row in session.many(ORDERS.scan())}
        assert statuses == {price: "completed", 5 * ETHER // 2: "cancelled"}
        claims = sorted(session.many(CLAIMS.scan()), key=lambda row: row.epoch)
        assert [(row.status, row.epoch) for row in claims] == [
            ("released", 1),
            ("rejected", 3),
            ("processed", 5),
        ]
        (payment,), (transaction,) = session.many(PAYMENTS.scan()), session.many(TRANSACTIONS.scan())
        assert (payment.status, payment.round, payment.amount) == ("paid", 1, price)
        assert (transaction.state, transaction.nonce) == ("confirmed", 0)
        assert self.desk.balance(claims[-1].recipient) == price
        supplies = {row.status: row for row in session.many(SUPPLIES.scan())}
        first, second = supplies["active"], supplies["closed"]
        assert (first.amount, first.reserved, first.settled) == (2 * ETHER, 0, price)
        assert (second.amount, second.available) == (0, 0)
        done = {row.key for row in session.many(system.OPERATIONS.scan()) if row.principal != "system"}
        assert self.told.keys() <= done
        audited = Counter(
            (row.actor, row.request_id) for row in session.many(system.AUDIT.scan()) if row.actor != "system"
        )
        assert max(audited.values()) == 1
        seen = self.desk.app.ok(200, "GET", f"/orders/{payment.order_id}", user=self.scene.shopper)
        assert seen == self.desk.get(f"/orders/{payment.order_id}", self.scene.shopper)


@pytest.fixture
def stage(desk: Desk, database: Database, request: pytest.FixtureRequest) -> Iterator[Stage]:
    shopper, claimers = desk.person("shopper"), (desk.claimer(), desk.claimer())
    desk.imported(shopper, ether=10)
    led, clock = load(os.environ | leads_to(database)), TestClock()
    settings = replace(
        resources.settings(), spanner_database=led.spanner_database, embedded_file=led.embedded_file
    )
    listener = QueueListener(Path(settings.embedded_file)) if EMBEDDED else Listener()
    desk.app.token(shopper)  # the signing keys of tokens exist now
    seed = SEED + request.param
    with resources.override(publisher=bus(settings, listener.project), clock=clock):
        yield Stage(desk, clock, listener, Scene(settings, listener.project, shopper, claimers, seed))
    listener.close()


passed: dict[int, dict[str, int]] = {}  # by seed: how often a day passes each point


@pytest.mark.parametrize("stage", range(KILLS), indirect=True)
def test_the_workload_passes_without_kills(stage: Stage) -> None:
    life = stage.live()
    assert life.exit == 0
    passed[stage.scene.seed] = life.passages or {}
    assert passed[stage.scene.seed].keys() == POINTS
    stage.check()


@pytest.mark.parametrize("point", sorted(POINTS))
@pytest.mark.parametrize("stage", range(KILLS), indirect=True)
def test_whoever_dies_is_replaced(stage: Stage, point: str) -> None:
    seed = stage.scene.seed
    rng = Random(f"{seed}/{point}")
    deaths = []
    for _ in range(rng.choice([1, 1, 2])):
        passage = rng.randint(1, max(1, 3 * passed.get(seed, {}).get(point, 1) // 4))
        life = stage.live(f"{point}:{passage}")
        deaths.append((passage, life.exit))
    assert deaths[0][1] == -signal.SIGKILL, deaths
    assert stage.live().exit == 0, f"seed {seed}, died at {point} {deaths}"
    stage.check()
    figure("kill", f"{STORE} and node", f"day {seed}: {point} at passage {deaths}, another life ended it")
