"""Publish a command and receive its result: a pipeline places an order for a user without calling the API.

    python examples/publish_command.py <user id> <price>

Google's variables name the project and the emulator: GOOGLE_CLOUD_PROJECT, PUBSUB_EMULATOR_HOST. The user needs an
active supply. The exit status is 0 if the order was placed, and 1 if it was refused or no result came.

A command is a CloudEvent. Its `subject` is the user on whose behalf it is sent. Its `id` is the idempotency key: if the
same command is published again, it still takes effect once. The events that it causes have this id as `causation_id`.
"""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from typing import Any

from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

WAIT_SECONDS = 60.0


def publish(publisher: PublisherClient, topic: str, command: dict[str, Any]) -> None:
    """Publish the CloudEvent as the message's data. Subscriptions filter by the attribute `ce-type`; a message without
    it is handled a moment later, because another function has to read and forward it."""
    data = json.dumps(command).encode()
    names = ("specversion", "id", "source", "type", "subject")
    attributes = {f"ce-{name}": command[name] for name in names}
    publisher.publish(topic, data, **attributes).result(timeout=10)


def receive(subscriber: SubscriberClient, subscription: str, command_id: str) -> dict[str, Any]:
    """The first event that the command causes. Raises TimeoutError."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        pulled = subscriber.pull(subscription=subscription, max_messages=100, timeout=5.0, retry=None)
        ids = [received.ack_id for received in pulled.received_messages]
        if ids:
            subscriber.acknowledge(subscription=subscription, ack_ids=ids)
        for received in pulled.received_messages:
            event: dict[str, Any] = json.loads(received.message.data)
            if event.get("causation_id") == command_id:
                return event
    raise TimeoutError("no event of the command came in time")


def main(project: str, user: str, price: str) -> int:
    publisher, subscriber = PublisherClient(), SubscriberClient()
    # A real pipeline has a permanent subscription. It must exist before the events that it should receive.
    subscription = subscriber.subscription_path(project, f"example-{uuid.uuid4().hex[:8]}")
    subscriber.create_subscription(name=subscription, topic=publisher.topic_path(project, "order-events"))
    item = {"product_id": "sku-1", "product_name": "Notebook", "price": price, "quantity": 1}
    command_id = f"example-{uuid.uuid4()}"
    command = {
        "specversion": "1.0",
        "id": command_id,
        "source": "example-pipeline",
        "type": "order.place",
        "subject": user,
        "data": {"currency": "ETH", "items": [item]},  # its schema: schemas/pubsub/order.place.json
    }
    try:
        publish(publisher, publisher.topic_path(project, "order-commands"), command)
        event = receive(subscriber, subscription, command_id)
    finally:
        subscriber.delete_subscription(subscription=subscription)
        subscriber.close()
    if event["type"] == "command.refused":
        print(f"refused: {event['data']['error']['code']}")
        return 1
    print(f"{event['type']}: {event['data']['id']} of {event['data']['amount']} ETH")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python examples/publish_command.py <user id> <price>")
    if "GOOGLE_CLOUD_PROJECT" not in os.environ:
        sys.exit(
            "set GOOGLE_CLOUD_PROJECT; locally, `python -m emulators env` prints it and the emulators' addresses"
        )
    sys.exit(main(os.environ["GOOGLE_CLOUD_PROJECT"], sys.argv[1], sys.argv[2]))
