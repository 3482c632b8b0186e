"""Publish a command and hear what comes of it: a pipeline places an order for a user without calling the API.

    python examples/publish_command.py <user id> <price>

Google's variables say where: GOOGLE_CLOUD_PROJECT, and PUBSUB_EMULATOR_HOST for the emulator. The user needs an active
supply. Exit status: 0 placed, 1 refused or unheard.

A command is a CloudEvent. Its `subject` is the user on whose behalf, its `id` the idempotency key: publish the same
again, and it still happens once. What comes of it are events that carry the id as their `causation_id`.
"""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from typing import Any

from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

PATIENCE_SECONDS = 60.0


def publish(publisher: PublisherClient, topic: str, command: dict[str, Any]) -> None:
    """The whole CloudEvent is the message's data. The attribute `ce-type` is what subscriptions filter by: a message
    without it is read and sent on, which takes a moment longer."""
    data = json.dumps(command).encode()
    names = ("specversion", "id", "source", "type", "subject")
    attributes = {f"ce-{name}": command[name] for name in names}
    publisher.publish(topic, data, **attributes).result(timeout=10)


def hear(subscriber: SubscriberClient, subscription: str, command_id: str) -> dict[str, Any]:
    """The first event that the command has caused. Raises TimeoutError."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        pulled = subscriber.pull(subscription=subscription, max_messages=100, timeout=5.0, retry=None)
        ids = [received.ack_id for received in pulled.received_messages]
        if ids:
            subscriber.acknowledge(subscription=subscription, ack_ids=ids)
        for received in pulled.received_messages:
            event: dict[str, Any] = json.loads(received.message.data)
            if event.get("causation_id") == command_id:
                return event
    raise TimeoutError("nothing was heard of the command")


def main(project: str, user: str, price: str) -> int:
    publisher, subscriber = PublisherClient(), SubscriberClient()
    # A pipeline has a lasting subscription of its own; it must be there before what it is to hear.
    heard = subscriber.subscription_path(project, f"example-{uuid.uuid4().hex[:8]}")
    subscriber.create_subscription(name=heard, topic=publisher.topic_path(project, "order-events"))
    item = {"product_id": "sku-1", "product_name": "Notebook", "price": price, "quantity": 1}
    command_id = f"example-{uuid.uuid4()}"
    command = {
        "specversion": "1.0",
        "id": command_id,
        "source": "example-pipeline",
        "type": "order.place",
        "subject": user,
        "data": {"currency": "ETH", "items": [item]},  # as schemas/pubsub/order.place.json says
    }
    try:
        publish(publisher, publisher.topic_path(project, "order-commands"), command)
        event = hear(subscriber, heard, command_id)
    finally:
        subscriber.delete_subscription(subscription=heard)
        subscriber.close()
    if event["type"] == "command.refused":
        print(f"refused: {event['data']['error']['code']}")
        return 1
    print(f"{event['type']}: {event['data']['id']} of {event['data']['amount']} ETH")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python examples/publish_command.py <user id> <price>")
    sys.exit(main(os.environ["GOOGLE_CLOUD_PROJECT"], sys.argv[1], sys.argv[2]))
