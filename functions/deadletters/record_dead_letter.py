"""Record what no operation can handle: unknown or unreadable commands, and what Pub/Sub gave up delivering.

The attribute ce-type decides, because subscriptions filter by it: a message whose ce-type some operation takes is
that operation's alone, to handle or to record. So each message is recorded by one consumer.
"""

from __future__ import annotations

from schemas.contract import generated
from shared.runtime.cloud_event import UnreadableEvent, parse
from shared.runtime.operation import message
from shared.triggers import pubsub_push
from shared.triggers.pubsub_push import DEAD_LETTER_TOPIC, Delivery

SOURCE = "CloudPubSubDeadLetterSourceSubscription"


@message("supply-commands", type="*")
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
    if delivery.attributes.get("ce-type") in generated.commands().get(topic, frozenset()):
        return  # its own operation has its own subscription
    pubsub_push.record_dead_letter(delivery, topic, record_dead_letter.__name__, _reason(delivery))


def _reason(delivery: Delivery) -> str:
    try:
        event = parse(delivery.data)
    except UnreadableEvent as unreadable:
        return unreadable.text
    if delivery.attributes.get("ce-type") != event.type:
        return "The attribute ce-type is missing or differs from the CloudEvent's type."
    return f"No operation takes commands of type {event.type[:64]}."
