"""Every message that a subscription gave up in an outage is in the list of dead letters; sent again, it works.

Topics and subscriptions are those of a local run, in this test's own Pub/Sub project. Pushes reach the operations in
this process, or get a 503 during the outage.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest

from emulators import topics
from shared import resources
from shared.adapters.pubsub import PubSubPublisher
from shared.runtime import operation
from shared.store.session import Session
from shared.store.tables import system
from shared.triggers import entrypoint
from shared.triggers.pubsub_push import DEAD_LETTER_TOPIC, subscription_name
from shared.triggers.request_parsing import Incoming
from tests.emulated.desk.world import Desk
from tests.support.inprocess import command
from tests.support.pushes import pushed_to


@dataclass
class Endpoint:
    """The push endpoint of all subscriptions."""

    working: bool = False
    answers: list[tuple[str, int]] = field(default_factory=list)

    def push(self, url: str, body: bytes) -> int:
        parts = urlsplit(url)
        name = parts.path.rpartition("/")[2]
        recording = json.loads(body)["subscription"].endswith(f"{name}.{DEAD_LETTER_TOPIC}")
        if not self.working and not recording:
            return 503
        incoming = Incoming("POST", parts.path, {}, parse_qs(parts.query), body)
        status = entrypoint.answer(operation.catalog()[name], incoming).status
        self.answers.append((name, status))
        return status


@pytest.fixture
def bus(
    desk: Desk, real_emulators: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Endpoint, PubSubPublisher]]:
    from google.cloud.pubsub_v1 import SubscriberClient

    project = f"outage-{uuid.uuid4().hex[:12]}"
    endpoint, publisher = Endpoint(), PubSubPublisher(project)
    with pushed_to(endpoint.push) as port:
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", project)
        topics.provision(port, resources.settings().push_token)
        yield endpoint, publisher
        subscriber = SubscriberClient()
        for one in list(subscriber.list_subscriptions(project=f"projects/{project}")):
            subscriber.delete_subscription(subscription=one.name)
        subscriber.close()


def eventually(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 100
    while not what():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.1)


def letters() -> list[system.DeadLetter]:
    rows: list[system.DeadLetter] = Session(resources.database().snapshot()).many(system.DEAD_LETTERS.scan())
    return rows


def test_what_every_subscription_gave_up_is_listed_and_works_when_sent_again(
    desk: Desk, bus: tuple[Endpoint, PubSubPublisher]
) -> None:
    endpoint, publisher = bus
    shopper, claimer = desk.shopper(), desk.claimer()
    order = desk.order(shopper)
    claim = command("claim.claim", claimer, {"order_id": order["id"]})
    subscriptions = {
        (subscription_name(entry, trigger), trigger.topic)
        for entry in operation.catalog().values()
        for trigger in entry.messages
        if trigger.topic != DEAD_LETTER_TOPIC
    }
    sent = {topic: command("nobody.waits", "usr_1", {"for": topic}) for _, topic in subscriptions}
    sent["claim-commands"] = claim
    for topic, envelope in sent.items():
        publisher.publish(topic, envelope).result(30)

    eventually(lambda: {letter.consumer for letter in letters()} == {name for name, _ in subscriptions})
    found = letters()
    assert {(letter.consumer, letter.body) for letter in found} == {
        (name, json.dumps(sent[topic], separators=(",", ":"))) for name, topic in subscriptions
    }
    assert {(letter.topic, letter.reason) for letter in found} == {
        (DEAD_LETTER_TOPIC, "Pub/Sub gave up: too many failed deliveries.")
    }

    endpoint.working = True
    lost = next(letter for letter in found if letter.consumer == "claim_order.claim-commands")
    with resources.override(publisher=publisher):
        operator = {"user": "usr_op", "roles": ("operator",)}
        desk.app.ok(200, "POST", f"/dead-letters/{lost.id}/redrive", **operator)
    eventually(lambda: desk.get(f"/orders/{order['id']}", shopper)["status"] == "claimed")
    assert desk.feed(claimer, "claim.claimed")["causation_id"] == claim["id"]
