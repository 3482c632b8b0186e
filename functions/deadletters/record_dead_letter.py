"""Record messages that no operation can handle: unknown or unreadable commands, and what Pub/Sub gave up delivering.

Subscriptions filter by the attribute ce-type. A message whose ce-type belongs to an operation is handled or recorded
by that operation alone, so each message is recorded by one consumer. A message without attributes (the structured form
of CloudEvents) is parsed: a command of a known type is published once more, with the attributes.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress

from schemas.contract import generated
from shared import resources
from shared.domain import event_types
from shared.domain.permissions import Caller
from shared.runtime.cloud_event import UnreadableEvent, parse
from shared.runtime.context import current
from shared.runtime.operation import message
from shared.runtime.subscription_filter import TYPE_ATTRIBUTE
from shared.store.tables.system import InboxRow
from shared.store.unit_of_work import UnitOfWork
from shared.triggers import pubsub_push
from shared.triggers.pubsub_push import DEAD_LETTER_TOPIC, Delivery
from shared.writes.commit import commit
from shared.writes.mutation import AlreadyApplied

SOURCE = "CloudPubSubDeadLetterSourceSubscription"
# Topics of the commands that it publishes again, and of the answers to senders of refused commands.
PUBLISHED = (*event_types.COMMAND_TOPICS, *event_types.OUTCOME_TOPICS)


@message("supply-commands", type="*", publishes=PUBLISHED)
@message("order-commands", type="*")
@message("claim-commands", type="*")
@message("transaction-commands", type="*")
@message("contract-commands", type="*")
@message(DEAD_LETTER_TOPIC, type="*")
def record_dead_letter(delivery: Delivery, topic: str) -> None:
    if topic == DEAD_LETTER_TOPIC:
        source = delivery.attributes.get(SOURCE, "unknown")
        pubsub_push.record_dead_letter(
            delivery, topic, source, "Pub/Sub gave up: too many failed deliveries."
        )
        return
    known = generated.commands().get(topic, frozenset())
    if delivery.attributes.get(TYPE_ATTRIBUTE) in known:
        return  # its own operation has its own subscription
    if TYPE_ATTRIBUTE not in delivery.attributes and _type(delivery) in known:
        _publish_again(delivery, topic)
    else:
        pubsub_push.record_dead_letter(delivery, topic, record_dead_letter.__name__, _reason(delivery))


def _publish_again(delivery: Delivery, topic: str) -> None:
    """Publish the command once more, with its attributes, so that the operation that handles it receives it."""
    current().caller = Caller.of_system()
    digest = hashlib.sha256(f"{topic}/{delivery.message_id}".encode()).hexdigest()
    inbox = InboxRow(record_dead_letter.__name__, f"on:{digest[:48]}", resources.clock().now())
    with suppress(AlreadyApplied):
        commit(_publish, topic, delivery.data, inbox=inbox)


def _publish(unit: UnitOfWork, topic: str, data: bytes) -> None:
    unit.send_again(topic, json.loads(data))


def _type(delivery: Delivery) -> str | None:
    try:
        return parse(delivery.data).type
    except UnreadableEvent:
        return None


def _reason(delivery: Delivery) -> str:
    try:
        event = parse(delivery.data)
    except UnreadableEvent as unreadable:
        return unreadable.text
    if delivery.attributes.get(TYPE_ATTRIBUTE, event.type) != event.type:
        return "The attribute ce-type differs from the CloudEvent's type."
    return f"No operation takes commands of type {event.type[:64]}."
