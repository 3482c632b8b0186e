"""Create the catalog's topics and push subscriptions in the Pub/Sub emulator or the embedded queue.

What exists already stays as it is. Each subscription has the same dead-letter policy as in production. The emulator
stores filters but does not apply them, so the push adapter filters, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from shared.adapters.message_queue import MessageQueue, Subscription
from shared.runtime import operation
from shared.settings import load
from shared.triggers.pubsub_push import DEAD_LETTER_TOPIC, subscription_name

DELIVERY_ATTEMPTS = 5


def topic_names() -> set[str]:
    """Every topic that an operation publishes to or receives from."""
    catalog = operation.catalog().values()
    received = {trigger.topic for entry in catalog for trigger in entry.messages}
    published = {topic for entry in catalog for topic in entry.publishes}
    return received | published | {DEAD_LETTER_TOPIC}


def provision(port: int, token: str) -> None:
    """Create missing topics and subscriptions, and point all subscriptions at this gateway, or at EVENTS_PORT."""
    chosen = load()
    if "pubsub" in chosen.embedded:
        wanted = [_embedded(*each) for each in _each(port, token)]
        MessageQueue(Path(chosen.embedded_file)).provision(topic_names(), wanted)
    else:
        _provision(chosen.project, list(_each(port, token)))


def _each(port: int, token: str) -> Iterator[tuple[str, operation.MessageTrigger, str]]:
    """The name, trigger and endpoint of every subscription."""
    events = int(os.environ.get("EVENTS_PORT") or port)
    for entry in operation.catalog().values():
        for trigger in entry.messages:
            endpoint = f"http://127.0.0.1:{events}/push/{entry.name}?token={token}"
            yield subscription_name(entry, trigger), trigger, endpoint


def _embedded(name: str, trigger: operation.MessageTrigger, endpoint: str) -> Subscription:
    types = () if "*" in trigger.types else tuple(trigger.types)
    letters = None if trigger.topic == DEAD_LETTER_TOPIC else DEAD_LETTER_TOPIC
    return Subscription(name, trigger.topic, endpoint, types, letters, DELIVERY_ATTEMPTS)


def _provision(project: str, every: Sequence[tuple[str, operation.MessageTrigger, str]]) -> None:
    from google.api_core.exceptions import AlreadyExists
    from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

    publisher, subscriber = PublisherClient(), SubscriberClient()
    for topic in sorted(topic_names()):
        with suppress(AlreadyExists):
            publisher.create_topic(name=publisher.topic_path(project, topic))
    for name, trigger, endpoint in every:
        push = {"push_endpoint": endpoint}
        wanted = _subscription(project, publisher, subscriber, name, trigger) | {"push_config": push}
        try:
            subscriber.create_subscription(request=wanted)
        except AlreadyExists:
            subscriber.modify_push_config(subscription=wanted["name"], push_config=push)
    subscriber.close()


def _subscription(
    project: str,
    publisher: Any,
    subscriber: Any,
    name: str,
    trigger: operation.MessageTrigger,
) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        "name": subscriber.subscription_path(project, name),
        "topic": publisher.topic_path(project, trigger.topic),
        "ack_deadline_seconds": 60,
        "retry_policy": {"minimum_backoff": {"seconds": 1}, "maximum_backoff": {"seconds": 10}},
    }
    if trigger.filter:
        wanted["filter"] = trigger.filter
    if trigger.topic != DEAD_LETTER_TOPIC:
        wanted["dead_letter_policy"] = {
            "dead_letter_topic": publisher.topic_path(project, DEAD_LETTER_TOPIC),
            "max_delivery_attempts": DELIVERY_ATTEMPTS,
        }
    return wanted
