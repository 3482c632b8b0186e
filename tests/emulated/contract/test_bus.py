"""One test suite, two buses: the Pub/Sub emulator and the embedded queue both push, give up and keep messages in the
same way."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from emulators.deliverer import Deliverer
from emulators.toolkit import ROOT
from shared.adapters.message_queue import Delivery, MessageQueue, QueuePublisher, Subscription
from shared.adapters.pubsub import Publisher, PubSubPublisher
from tests.support.inprocess import command
from tests.support.pushes import pushed_to


@dataclass
class Receiver:
    """Receives pushes at one path per subscription; `refusing` sets how many pushes of each it refuses first."""

    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refusing: dict[str, int] = field(default_factory=dict)

    def push(self, url: str, body: bytes) -> int:
        name = url.strip("/").partition("?")[0]
        if self.refusing.get(name, 0) > 0:
            self.refusing[name] -= 1
            self.got.append((f"{name} refused", json.loads(body)))
            return 503
        self.got.append((name, json.loads(body)))
        return 204

    def of(self, name: str) -> list[dict[str, Any]]:
        return [body for at, body in self.got if at == name]


@dataclass
class Bus:
    publisher: Publisher
    receiver: Receiver
    provision: Callable[[list[Subscription]], None]


@pytest.fixture(params=[pytest.param("pubsub", marks=pytest.mark.emulators), "queue"])
def bus(request: pytest.FixtureRequest) -> Iterator[Bus]:
    """Topics `here`, `there` and `letters`, and this test's own subscriptions that push to its receiver."""
    receiver = Receiver()
    with pushed_to(receiver.push) as port:
        made: Callable[..., Iterator[Bus]] = request.getfixturevalue(f"_{request.param}")
        yield from made(receiver, port)


@pytest.fixture
def _queue(tmp_path: Path) -> Callable[[Receiver, int], Iterator[Bus]]:
    def made(receiver: Receiver, port: int) -> Iterator[Bus]:
        queue = MessageQueue(tmp_path / "queue.sqlite", pause=0.05, durability="OFF")
        deliverer = Deliverer(queue, "project")

        def provision(every: list[Subscription]) -> None:
            queue.provision(["here", "there", "letters"], [at(port, one) for one in every])
            deliverer.start()

        yield Bus(QueuePublisher(queue), receiver, provision)
        deliverer.stop()
        assert queue.waiting() == 0

    return made


@pytest.fixture
def _pubsub(real_emulators: Mapping[str, str]) -> Callable[[Receiver, int], Iterator[Bus]]:
    def made(receiver: Receiver, port: int) -> Iterator[Bus]:
        from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

        project = f"bus-{uuid.uuid4().hex[:12]}"
        topics, subscriber = PublisherClient(), SubscriberClient()

        def provision(every: list[Subscription]) -> None:
            for name in ("here", "there", "letters"):
                topics.create_topic(name=topics.topic_path(project, name))
            for one in every:
                wanted: dict[str, Any] = {
                    "name": subscriber.subscription_path(project, one.name),
                    "topic": topics.topic_path(project, one.topic),
                    "push_config": {"push_endpoint": at(port, one).endpoint},
                    "retry_policy": {"minimum_backoff": {"seconds": 0}, "maximum_backoff": {"seconds": 1}},
                }
                if one.dead_letter_topic:
                    wanted["dead_letter_policy"] = {
                        "dead_letter_topic": topics.topic_path(project, one.dead_letter_topic),
                        "max_delivery_attempts": one.attempts,
                    }
                subscriber.create_subscription(request=wanted)

        yield Bus(PubSubPublisher(project), receiver, provision)
        for one in list(subscriber.list_subscriptions(project=f"projects/{project}")):
            subscriber.delete_subscription(subscription=one.name)
        subscriber.close()

    return made


def sub(name: str, topic: str, **rules: Any) -> Subscription:
    return Subscription(name, topic, "", **rules)


def at(port: int, one: Subscription) -> Subscription:
    endpoint = f"http://127.0.0.1:{port}/{one.name}?token=t"
    return Subscription(one.name, one.topic, endpoint, one.types, one.dead_letter_topic, one.attempts)


def eventually(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def test_every_subscription_gets_the_message_as_it_was_sent(bus: Bus) -> None:
    bus.provision([sub("one-a", "here"), sub("one-b", "here"), sub("two", "there")])
    envelope = command("claim.claim", "usr_ä", {"text": "\U0001f600"})
    bus.publisher.publish("here", envelope).result(30)
    eventually(lambda: len(bus.receiver.of("one-a")) == len(bus.receiver.of("one-b")) == 1)
    (push,) = bus.receiver.of("one-a")
    assert push["subscription"].endswith("/subscriptions/one-a")
    message = push["message"]
    assert json.loads(base64.b64decode(message["data"])) == envelope
    assert (
        message["attributes"]["ce-type"] == "claim.claim" and message["attributes"]["ce-subject"] == "usr_ä"
    )
    assert message["messageId"] == message["message_id"] and message["publishTime"].endswith("Z")
    assert bus.receiver.of("two") == []


def test_what_is_refused_comes_again_until_it_is_taken(bus: Bus) -> None:
    bus.receiver.refusing["stubborn"] = 3
    bus.provision([sub("stubborn", "here")])
    bus.publisher.publish("here", command("claim.claim", "usr_1", {})).result(30)
    eventually(lambda: bool(bus.receiver.of("stubborn")))
    refused = bus.receiver.of("stubborn refused")
    assert len(refused) == 3
    assert {one["message"]["messageId"] for one in (*refused, *bus.receiver.of("stubborn"))} == {
        refused[0]["message"]["messageId"]
    }


def test_after_its_attempts_a_message_is_a_dead_letter_of_its_subscription(bus: Bus) -> None:
    bus.receiver.refusing["broken"] = 1000
    bus.provision(
        [
            sub("broken", "here", dead_letter_topic="letters", attempts=5),
            sub("well", "here", dead_letter_topic="letters", attempts=5),
            sub("letters", "letters"),
        ]
    )
    envelope = command("claim.claim", "usr_1", {})
    bus.publisher.publish("here", envelope).result(30)
    eventually(lambda: bool(bus.receiver.of("letters")))
    (letter,) = bus.receiver.of("letters")
    attributes = letter["message"]["attributes"]
    assert attributes["CloudPubSubDeadLetterSourceSubscription"] == "broken"
    assert attributes["ce-type"] == "claim.claim"
    assert json.loads(base64.b64decode(letter["message"]["data"])) == envelope
    assert len(bus.receiver.of("broken refused")) >= 5 and len(bus.receiver.of("well")) == 1


def test_a_topic_that_is_not_there_and_a_message_that_is_too_large_are_refused(bus: Bus) -> None:
    bus.provision([])
    with pytest.raises(Exception, match=r".") as caught:
        bus.publisher.publish("nowhere", command("claim.claim", "usr_1", {})).result(30)
    assert not isinstance(caught.value, ValueError), "the topic may come yet"
    with pytest.raises(Exception, match=r"."):
        bus.publisher.publish("here", command("claim.claim", "usr_1", {"x": "y" * 10_100_000})).result(60)


def test_of_many_messages_none_is_lost(bus: Bus) -> None:
    bus.receiver.refusing["many"] = 20
    bus.provision([sub("many", "here")])
    sent = [command("claim.claim", f"usr_{n}", {}) for n in range(200)]
    for future in [bus.publisher.publish("here", envelope) for envelope in sent]:
        future.result(30)
    wanted = {envelope["id"] for envelope in sent}
    eventually(lambda: {one["message"]["attributes"]["ce-id"] for one in bus.receiver.of("many")} >= wanted)


# Features of the queue only: filters (the emulator stores them and pushes everything), its file, its single
# deliverer.

_CHILD = """
import sys, time
from pathlib import Path
from emulators.deliverer import Deliverer
from shared.adapters.message_queue import MessageQueue
Deliverer(MessageQueue(Path(sys.argv[1])), "project").start()
time.sleep(600)
"""


def test_a_filter_keeps_other_types_away(tmp_path: Path) -> None:
    queue = MessageQueue(tmp_path / "queue.sqlite")
    queue.provision(["here"], [Subscription("some", "here", "http://127.0.0.1:9/", ("claim.claim", "a.b"))])
    for kind in ("claim.claim", "claim.release"):
        QueuePublisher(queue).publish("here", command(kind, "usr_1", {})).result(1)
    assert [one.attributes["ce-type"] for one in queue.due(time.time(), 9)] == ["claim.claim"]


def test_a_killed_deliverers_messages_are_the_next_ones_at_once(tmp_path: Path) -> None:
    """One deliverer dies while it holds a message; another, which has waited, pushes the message again without waiting
    for a lease to end."""
    path, receiver = tmp_path / "queue.sqlite", Receiver()
    queue, reached = MessageQueue(path), []

    def push(url: str, body: bytes) -> int:
        if not reached:
            reached.append(url)
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
        return receiver.push(url, body)

    with pushed_to(push) as port:
        queue.provision(["here"], [at(port, sub("sub", "here"))])
        child = subprocess.Popen([sys.executable, "-c", _CHILD, str(path)], cwd=ROOT)
        lock = path.with_name(path.name + "-deliverer")
        eventually(lock.exists)
        QueuePublisher(queue).publish("here", command("claim.claim", "usr_1", {})).result(1)
        eventually(lambda: bool(reached))
        other = Deliverer(MessageQueue(path), "project")
        other.start()
        eventually(lambda: len(receiver.of("sub")) == 2, seconds=10)
        other.stop()
    assert queue.waiting() == 0
    assert len({one["message"]["messageId"] for one in receiver.of("sub")}) == 1


def test_one_process_delivers_at_a_time(tmp_path: Path) -> None:
    path, receiver = tmp_path / "queue.sqlite", Receiver()
    queue = MessageQueue(path)
    with pushed_to(receiver.push) as port:
        queue.provision(["here"], [at(port, sub("sub", "here"))])
        several = [Deliverer(MessageQueue(path), "project") for _ in range(3)]
        for one in several:
            one.start()
        for n in range(100):
            QueuePublisher(queue).publish("here", command("claim.claim", f"usr_{n}", {})).result(1)
        eventually(lambda: queue.waiting() == 0)
        for one in several:
            one.stop()
    assert len(receiver.of("sub")) == 100


class _Counted(MessageQueue):
    looks = 0

    def due(self, now: float, limit: int) -> list[Delivery]:
        self.looks += 1
        return super().due(now, limit)


def test_a_quiet_queue_is_looked_at_more_rarely(tmp_path: Path) -> None:
    queue, receiver = _Counted(tmp_path / "queue.sqlite"), Receiver()
    with pushed_to(receiver.push) as port:
        queue.provision(["here"], [at(port, sub("sub", "here"))])
        deliverer = Deliverer(queue, "project")
        deliverer.start()
        eventually(lambda: queue.looks > 0)
        time.sleep(1.2)
        before = queue.looks
        time.sleep(1.0)
        assert 0 < queue.looks - before < 25
        QueuePublisher(queue).publish("here", command("claim.claim", "usr_1", {})).result(1)
        eventually(lambda: len(receiver.of("sub")) == 1)
        deliverer.stop()


def test_a_command_line_publishes_to_the_queue(tmp_path: Path) -> None:
    path, file = tmp_path / "queue.sqlite", tmp_path / "command.json"
    queue = MessageQueue(path)
    queue.provision(["here"], [sub("sub", "here")])
    file.write_text(json.dumps(envelope := command("claim.claim", "usr_1", {})))
    env = {name: value for name, value in os.environ.items() if not name.endswith("_EMULATOR_HOST")}
    env |= {"EMBEDDED": "pubsub", "EMBEDDED_FILE": str(path)}
    for topic, status in (("here", 0), ("nowhere", 1)):
        line = [sys.executable, "-m", "emulators", "publish", topic, str(file)]
        done = subprocess.run(
            line, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
    (delivery,) = queue.due(time.time(), 9)
    assert json.loads(delivery.data) == envelope and delivery.attributes["ce-type"] == "claim.claim"
