"""Send malformed messages through the Pub/Sub emulator to separate functions: each ends as one dead letter.

A relay between the emulator and the functions counts deliveries and records each answer.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from shared.runtime.cloud_event import attributes
from shared.store.session import Session
from shared.store.tables import system
from tests.emulated.functions.conftest import Functions
from tests.support.inprocess import command
from tests.support.pushes import pushed_to

CONSUMERS = ("record_dead_letter", "claim_order")
TOPIC = "claim-commands"
Delivery = tuple[str, str, int]  # the function, the message id, the status of its answer


@dataclass
class Relay:
    """Forwards pushes to the functions and remembers every one."""

    functions: Functions
    seen: list[Delivery] = field(default_factory=list)
    bodies: list[tuple[str, bytes]] = field(default_factory=list)

    def forward(self, path: str, body: bytes) -> int:
        name = path.partition("?")[0].rpartition("/")[2]
        url = self.functions.running[name].url
        status = httpx.post(url + path, content=body, timeout=30.0).status_code
        self.seen.append((name, json.loads(body)["message"]["messageId"], status))
        self.bodies.append((path, body))
        return status

    def statuses(self) -> set[int]:
        return {status for _, _, status in self.seen}

    def delivered(self) -> set[tuple[str, str]]:
        return {(name, identity) for name, identity, status in self.seen if status == 204}


@dataclass
class Bus:
    """A Pub/Sub project for this module, with subscriptions that push to the relay."""

    project: str
    publisher: Any
    relay: Relay

    def publish(self, data: bytes, topic: str = TOPIC, **attributes: str) -> str:
        path = self.publisher.topic_path(self.project, topic)
        identity: str = self.publisher.publish(path, data, **attributes).result(timeout=30)
        return identity


@pytest.fixture(scope="module")
def bus(functions: Functions) -> Iterator[Bus]:
    from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

    functions.start(*CONSUMERS)
    relay, project = Relay(functions), f"malformed-{uuid.uuid4().hex[:12]}"
    publisher, subscriber = PublisherClient(), SubscriberClient()
    with pushed_to(relay.forward) as port:
        names = []
        for topic, consumer in (
            (TOPIC, "record_dead_letter"),
            (TOPIC, "claim_order"),
            ("dead-letters", CONSUMERS[0]),
        ):
            path = publisher.topic_path(project, topic)
            if path not in (known.name for known in publisher.list_topics(project=f"projects/{project}")):
                publisher.create_topic(name=path)
            url = f"http://127.0.0.1:{port}/push/{consumer}?token={functions.push_token}"
            names.append(subscriber.subscription_path(project, f"{consumer}.{topic}"))
            wanted = {
                "name": names[-1],
                "topic": path,
                "push_config": {"push_endpoint": url},
                "ack_deadline_seconds": 60,
            }
            subscriber.create_subscription(
                request=wanted | {"retry_policy": {"minimum_backoff": {"seconds": 0}}}
            )
        yield Bus(project, publisher, relay)
        for name in names:
            subscriber.delete_subscription(subscription=name)
    publisher.stop()
    subscriber.close()


def letters(functions: Functions) -> list[system.DeadLetter]:
    return Session(functions.database.snapshot()).many(system.DEAD_LETTERS.scan())


def eventually(what: Any, seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


def good(**changed: Any) -> dict[str, Any]:
    return command("claim.claim", "usr_malformed", {"order_id": "ord_none"}) | changed


def text(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode()


SUBJECT = "The CloudEvent's subject is missing or not a short string."
KNOWN = {"ce-type": "claim.claim"}
CASES: dict[str, tuple[bytes, dict[str, str], str, str]] = {
    "garbage": (b"\xff\x00{not json", KNOWN, "claim_order", "The message data is not JSON."),
    "garbage of no type": (b"{", {"x": "y"}, "record_dead_letter", "The message data is not JSON."),
    "nothing": (b"", {"x": "y"}, "record_dead_letter", "The message data is not JSON."),
    "too deep": (b"[" * 100_000, KNOWN, "claim_order", "The message data is not JSON."),
    "another attribute": (
        text(good()),
        {"ce-type": "claim.explode"},
        "record_dead_letter",
        "The attribute ce-type differs from the CloudEvent's type.",
    ),
    "another type": (
        text(good(type="claim.release")),
        KNOWN,
        "claim_order",
        "The attribute ce-type does not agree with the type claim.release.",
    ),
    "unknown type": (
        text(good(type="claim.explode")),
        {"ce-type": "claim.explode"},
        "record_dead_letter",
        "No operation takes commands of type claim.explode.",
    ),
    "older specversion": (
        text(good(specversion="0.3")),
        KNOWN,
        "claim_order",
        "The message data is not a CloudEvent with specversion 1.0.",
    ),
    "no subject": (text(good(subject="")), KNOWN, "claim_order", SUBJECT),
    "long subject": (text(good(subject="u" * 200)), KNOWN, "claim_order", SUBJECT),
    "data of text": (
        text(good(data="text")),
        KNOWN,
        "claim_order",
        "The CloudEvent's data is not an object.",
    ),
    "300 KiB": (
        text(good(data={"order_id": "x" * 300 * 1024})),
        KNOWN,
        "claim_order",
        "The message data has %d bytes; 256 KiB are the limit.",
    ),
    "3 MB of no type": (
        b"\xff" * 3_000_000,
        {},
        "record_dead_letter",
        "The message data has 3000000 bytes; 256 KiB are the limit. (the body is cut to 2000000 characters)",
    ),
}


def test_each_malformed_message_is_one_dead_letter_and_acknowledged(bus: Bus, functions: Functions) -> None:
    sent = {name: bus.publish(data, **given) for name, (data, given, _, _) in CASES.items()}
    fine = bus.publish(text(good()), **attributes(good()))
    refused = bus.publish(text(good(data={"order_id": 7, "nonsense": 1})), **KNOWN)
    everything = {
        (consumer, identity) for consumer in CONSUMERS for identity in (*sent.values(), fine, refused)
    }
    eventually(lambda: bus.relay.delivered() >= everything)
    assert bus.relay.statuses() <= {204, 503}, Counter(
        bus.relay.seen
    )  # 503: many wrote at once, send it again
    found = Counter((letter.consumer, letter.reason) for letter in letters(functions))
    wanted = Counter(
        (consumer, reason % len(data) if "%d" in reason else reason)
        for data, _, consumer, reason in CASES.values()
    )
    assert found == wanted
    assert {letter.topic for letter in letters(functions)} == {TOPIC}
    for path, body in list(bus.relay.bodies):  # Pub/Sub may deliver anything again
        bus.relay.forward(path, body)
    assert Counter((letter.consumer, letter.reason) for letter in letters(functions)) == wanted
    times = Counter((name, identity) for name, identity, status in bus.relay.seen if status == 204)
    assert max(times.values()) <= 3, times  # the first time, the call above, and one redelivery by Pub/Sub


def test_a_record_keeps_what_came(bus: Bus, functions: Functions) -> None:
    bus.publish(b'{"half": "\xe4\xb8\x80\x00\xff', TOPIC, note="\u4e00 kept", more="x" * 1000)
    eventually(lambda: any("half" in letter.body for letter in letters(functions)))
    letter = next(letter for letter in letters(functions) if "half" in letter.body)
    assert letter.body == '{"half": "\u4e00\\x00\\xff'
    assert (letter.attributes["note"], letter.attributes["more"]) == ("\u4e00 kept", "x" * 1000)
    assert (letter.status, letter.consumer) == ("new", "record_dead_letter")


def test_what_pubsub_gave_up_is_recorded_whoever_it_names(bus: Bus, functions: Functions) -> None:
    key = "CloudPubSubDeadLetterSourceSubscription"
    sources = {
        "claim_order.claim-commands",
        "speed_up_transaction.transaction-commands",
        "forged-" + "x" * 500,
    }
    for source in sources:
        bus.publish(text(good()), "dead-letters", **{key: source})
    mine = {source[:64] for source in sources}

    def recorded() -> bool:
        return {letter.consumer for letter in letters(functions) if letter.topic == "dead-letters"} == mine

    eventually(recorded)
    assert bus.relay.statuses() <= {204, 503}
