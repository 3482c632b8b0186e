"""Record what no operation can handle: unknown or unreadable commands, and what Pub/Sub gave up delivering.

The attribute ce-type decides, because subscriptions filter by it: a message whose ce-type some operation takes is
that operation's alone, to handle or to record. So each message is recorded by one consumer.
"""

from __future__ import annotations

from schemas import generated
from shared import messaging
from shared.events import UnreadableEvent, parse
from shared.messaging import DEAD_LETTER_TOPIC, Delivery
from shared.operation import message

SOURCE = "CloudPubSubDeadLetterSourceSubscription"


@message("supply-commands", type="*")
@message("order-commands", type="*")
@message("claim-commands", type="*")
@message("transaction-commands", type="*")
@message(DEAD_LETTER_TOPIC, type="*")
def record_dead_letter(delivery: Delivery, topic: str) -> None:
    if topic == DEAD_LETTER_TOPIC:
        source = delivery.attributes.get(SOURCE, "unknown")
        messaging.bury(delivery, topic, source, "Pub/Sub gave up: too many failed deliveries.")
        return
    if delivery.attributes.get("ce-type") in generated.commands().get(topic, frozenset()):
        return  # its own operation has its own subscription
    messaging.bury(delivery, topic, record_dead_letter.__name__, _reason(delivery))


def _reason(delivery: Delivery) -> str:
    try:
        event = parse(delivery.data)
    except UnreadableEvent as unreadable:
        return unreadable.text
    if delivery.attributes.get("ce-type") != event.type:
        return "The attribute ce-type is missing or differs from the CloudEvent's type."
    return f"No operation takes commands of type {event.type[:64]}."
