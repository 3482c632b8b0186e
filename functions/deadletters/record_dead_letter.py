"""Record what no operation can handle: unknown or unreadable commands, and what Pub/Sub gave up delivering."""

from __future__ import annotations

from shared import messaging, operation
from shared.events import UnreadableEvent, parse
from shared.messaging import Delivery
from shared.operation import message

DEAD_LETTER_TOPIC = "dead-letters"
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
    try:
        event = parse(delivery.data)
    except UnreadableEvent as unreadable:
        reason = unreadable.text
    else:
        if delivery.attributes.get("ce-type") != event.type:
            reason = "The attribute ce-type is missing or differs from the CloudEvent's type."
        elif event.type in _known(topic):
            return  # its own operation has its own subscription
        else:
            reason = f"No operation takes commands of type {event.type[:64]}."
    messaging.bury(delivery, topic, record_dead_letter.__name__, reason)


def _known(topic: str) -> set[str]:
    """The command types of a topic, from the catalog."""
    return {
        kind
        for entry in operation.catalog().values()
        for trigger in entry.messages
        if trigger.topic == topic
        for kind in trigger.types
    }
