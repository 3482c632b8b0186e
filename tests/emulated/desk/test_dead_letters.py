"""Dead letters: operators, and nobody else, list them with their reasons and send them again under their own ids."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.deadletters import redrive_dead_letter as redriving
from shared import resources
from shared.adapters.pubsub import PubSubPublisher
from shared.adapters.rate_limits import Limiter, OwnCounters
from shared.runtime import operation
from shared.runtime.clock import new_id
from shared.store.port import COMMIT_TIMESTAMP
from shared.store.session import Session
from shared.store.spanner.database import connect
from shared.store.tables import system
from shared.triggers.pubsub_push import DEAD_LETTER_TOPIC
from tests.emulated.desk.world import Desk
from tests.support.clock import TestClock
from tests.support.inprocess import Answer, command


@pytest.fixture
def topics(real_emulators: Mapping[str, str]) -> PubSubPublisher:
    """The real publisher, in this test's own project."""
    publisher = PubSubPublisher(f"letters-{uuid.uuid4().hex[:12]}")
    path = publisher.client.topic_path(publisher.project, "claim-commands")
    publisher.client.create_topic(name=path)
    return publisher


OPERATOR = {"user": "usr_op", "roles": ("operator",)}


def listed(desk: Desk, query: str = "") -> Any:
    return desk.app.ok(200, "GET", f"/dead-letters{query}", **OPERATOR)


def redrive(desk: Desk, identity: str, **more: Any) -> Answer:
    return desk.app.call("POST", f"/dead-letters/{identity}/redrive", **(OPERATOR | more))


def given_up(desk: Desk, envelope: Mapping[str, Any], subscription: str) -> str:
    """Deliver a message that Pub/Sub gave up, like its dead-letter topic; returns the record's id."""
    attributes = {
        "ce-type": str(envelope["type"]),
        "CloudPubSubDeadLetterSourceSubscription": subscription,
    }
    desk.app.push("record_dead_letter", envelope, attributes=attributes, topic=DEAD_LETTER_TOPIC)
    return str(listed(desk)["items"][0]["id"])


def unknown(desk: Desk, kind: str, **data: Any) -> None:
    """A command of a type without a handler."""
    desk.app.push("record_dead_letter", command(kind, "usr_1", data), topic="claim-commands")


def test_a_letter_is_listed_with_its_reason(desk: Desk) -> None:
    unknown(desk, "claim.explode", a=1)
    (letter,) = listed(desk)["items"]
    assert letter["reason"] == "No operation takes commands of type claim.explode."
    assert (letter["status"], letter["version"]) == ("new", 1)
    assert '"claim.explode"' in letter["body"]
    assert letter["size"] == len(letter["body"])


def test_a_long_letter_is_shown_by_its_beginning(desk: Desk) -> None:
    unknown(desk, "claim.explode", a="x" * 9_000)
    (letter,) = listed(desk)["items"]
    assert len(letter["body"]) == 4_096
    assert letter["size"] > 9_000


def test_pages_are_newest_first(desk: Desk, clock: TestClock) -> None:
    for kind in ("claim.a", "claim.b", "claim.c"):
        clock.advance(timedelta(seconds=1))
        unknown(desk, kind)
    first = listed(desk, "?limit=2")
    rest = listed(desk, f"?limit=2&cursor={first['next_cursor']}")
    reasons = [letter["reason"][-2] for letter in (*first["items"], *rest["items"])]
    assert (reasons, rest["next_cursor"]) == (["c", "b", "a"], None)


def test_a_command_that_a_broken_dependency_refused_works_when_it_is_sent_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first attempt left nothing under the command's id."""
    shopper, claimer = desk.shopper(), desk.claimer()
    order = desk.order(shopper)
    sent = command("claim.claim", claimer, {"order_id": order["id"]}, identity="cmd-" + "7" * 200)

    monkeypatch.setenv("SPANNER_EMULATOR_HOST", "127.0.0.1:1")
    settings = resources.settings()
    down = connect(settings.project, settings.spanner_instance, "down")
    with resources.override(database=down, settings=replace(settings, handler_seconds=1.0)):
        assert desk.app.push("claim_order", sent).status == 503
    letter = given_up(desk, sent, "claim_order.claim-commands")
    answer = redrive(desk, letter)
    assert (answer.status, answer.body["status"], answer.body["version"]) == (200, "redriven", 2)
    topic, again = desk.published.sent[-1]
    assert (topic, again | sent) == ("claim-commands", again)  # with Pub/Sub's delivery attributes
    assert desk.app.push("claim_order", again).status == 204
    assert desk.app.push("claim_order", again).status == 204
    assert desk.get(f"/orders/{order['id']}", shopper)["status"] == "claimed"
    assert desk.feed(claimer, "claim.claimed")["causation_id"] == sent["id"]
    assert (listed(desk)["items"], listed(desk, "?status=redriven")["items"][0]["id"]) == ([], letter)


def test_an_event_sent_again_has_its_effect_once(desk: Desk) -> None:
    user = desk.shopper(supply=None)
    supply = desk.app.ok(201, "POST", "/supplies", {"currency": "ETH", "amount": "1"}, user=user)
    event = desk.envelope("supply.created", supply["id"])
    letter = given_up(desk, event, "on_supply_created.supply-events")
    assert redrive(desk, letter).status == 200
    topic, again = desk.published.sent[-1]
    assert (topic, again | event) == ("supply-events", again)
    for _ in range(2):
        desk.app.push("on_supply_created", again)
    seen = desk.get(f"/supplies/{supply['id']}", user)
    assert (seen["status"], seen["version"]) == ("active", 2)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"specversion": "1.0"}'])
def test_what_is_no_event_cannot_be_sent_again(desk: Desk, body: bytes) -> None:
    import base64
    import json

    push = {
        "message": {
            "data": base64.b64encode(body).decode(),
            "attributes": {"CloudPubSubDeadLetterSourceSubscription": "claim_order.claim-commands"},
            "messageId": "1",
        }
    }
    desk.app.push_raw("record_dead_letter", json.dumps(push).encode())
    letter = listed(desk)["items"][0]
    assert redrive(desk, letter["id"]).code == "NOT_REDRIVABLE"
    assert listed(desk)["items"][0] == letter


def test_what_came_from_nowhere_cannot_be_sent_again(desk: Desk) -> None:
    for source in ("forged", "a.b.c.d", "x.dead-letters"):
        letter = given_up(desk, command("claim.claim", "usr_1", {}), source)
        assert redrive(desk, letter).code == "NOT_REDRIVABLE", source


def test_a_command_that_nobody_takes_is_not_sent_again(desk: Desk) -> None:
    unknown(desk, "claim.explode")
    assert redrive(desk, listed(desk)["items"][0]["id"]).code == "NOT_REDRIVABLE"


def test_a_letter_is_sent_again_once_and_audited(desk: Desk) -> None:
    letter = given_up(desk, command("claim.release", "usr_1", {}), "release_claim.claim-commands")
    assert redrive(desk, letter, headers={"If-Match": '"7"'}).status == 412
    first = redrive(desk, letter, key="k1")
    assert redrive(desk, letter, key="k1").headers["Idempotent-Replayed"] == "true"
    again = redrive(desk, letter)
    assert (first.status, again.code, again.body["error"]["data"]) == (
        200,
        "INVALID_STATE",
        {"status": "redriven"},
    )
    audit = desk.app.ok(200, "GET", f"/audit?resource={letter}&action=redrive_dead_letter", **OPERATOR)
    (entry,) = audit["items"]
    assert (entry["actor"], entry["events"]) == ("usr_op", ["claim.release"])


def test_only_operators_see_and_send_them(desk: Desk) -> None:
    letter = given_up(desk, command("claim.release", "usr_1", {}), "release_claim.claim-commands")
    user = desk.person()
    assert desk.app.call("GET", "/dead-letters", user=user).status == 403
    assert redrive(desk, letter, user=user, roles=("user",)).status == 403
    assert redrive(desk, "dlq_none").status == 404


def test_operators_together_send_only_so_many(desk: Desk) -> None:
    letters = [
        given_up(desk, command("claim.release", "usr_1", {"n": n}), "release_claim.claim-commands")
        for n in range(3)
    ]
    limits = {"basic": 1_000, "redrive": 2}
    with resources.override(limiter=Limiter(OwnCounters(), limits)):
        answers = [redrive(desk, letter, user=f"usr_op_{number}") for number, letter in enumerate(letters)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert float(answers[2].headers["Retry-After"]) >= 1
    assert [one["id"] for one in listed(desk)["items"]] == [letters[2]]


def test_every_topic_that_somebody_takes_from_can_be_sent_to() -> None:
    taken = {trigger.topic for entry in operation.catalog().values() for trigger in entry.messages}
    assert taken - {DEAD_LETTER_TOPIC} <= set(redriving.TOPICS)


def test_an_event_that_pubsub_refuses_for_good_becomes_a_letter(
    desk: Desk, clock: TestClock, topics: PubSubPublisher
) -> None:
    """Other events are published, and this one is not tried again."""
    fine = command("claim.release", "usr_1", {})
    for topic in ("1", "claim-commands"):  # Pub/Sub does not allow so short a topic name
        row = system.OutboxRow(3, COMMIT_TIMESTAMP, 0, new_id("evt"), topic, fine, 0)
        resources.database().write([system.OUTBOX.write("insert", row)])
    clock.advance(timedelta(seconds=30))
    deadline = time.monotonic() + 60
    with resources.override(publisher=topics):
        while Session(resources.database().snapshot()).many(system.OUTBOX.scan()):
            assert time.monotonic() < deadline
            assert desk.app.schedule("sweep_outbox").status == 204  # the read may be 5 s stale
    (letter,) = listed(desk)["items"]
    assert (letter["consumer"], letter["topic"]) == ("sweep_outbox", "1")
    assert letter["reason"].startswith("Pub/Sub refuses it: ")


def test_a_command_without_attributes_is_read_and_sent_on_with_them_once(desk: Desk) -> None:
    """In the structured form of CloudEvents, the body has all information."""
    shopper, claimer = desk.shopper(), desk.claimer()
    sent = command("claim.claim", claimer, {"order_id": desk.order(shopper)["id"]})
    before = len(desk.published.sent)
    for _ in range(2):
        answer = desk.app.push(
            "record_dead_letter", sent, attributes={}, topic="claim-commands", message_id="1"
        )
        assert answer.status == 204
    assert [topic for topic, each in desk.published.sent[before:] if each | sent == each] == [
        "claim-commands"
    ]
    assert listed(desk)["items"] == []


def test_whoever_a_letter_speaks_for_hears_that_it_was_not_taken(desk: Desk) -> None:
    user = desk.shopper(supply=None)
    sent = command("claim.explode", user, {})
    for _ in range(2):
        desk.app.push("record_dead_letter", sent, topic="claim-commands", message_id="2")
    told = desk.feed(user, "command.refused")
    assert (told["causation_id"], told["data"]["command"]["type"]) == (sent["id"], "claim.explode")
    broken = command("claim.claim", user, {}) | {"data": "not an object"}
    desk.app.push("claim_order", broken, topic="claim-commands")
    assert desk.feed(user, "command.refused")["causation_id"] == broken["id"]
    assert len(listed(desk)["items"]) == 2
