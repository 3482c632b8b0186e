"""Publish CloudEvents 1.0 to Pub/Sub.

Messages are structured JSON; the `ce-*` attributes repeat the fields that subscriptions filter on. Ordering keys are
set for external consumers; our own subscribers never rely on order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Protocol

from shared.runtime.cloud_event import attributes


def refused_for_good(error: BaseException | None) -> bool:
    """Whether Pub/Sub will always refuse this message, because it is malformed or too large."""
    from google.api_core.exceptions import InvalidArgument

    return isinstance(error, InvalidArgument | ValueError | TypeError)


class Publisher(Protocol):
    def publish(self, topic: str, envelope: Mapping[str, Any]) -> Future[str]:
        """Send one event; the future returns the message id or raises."""
        ...

    def check(self) -> None:
        """Raises if Pub/Sub does not answer."""
        ...


class PubSubPublisher:
    """Publishes with google-cloud-pubsub, one message per request: 0.9 ms instead of 12 ms with default batching."""

    def __init__(self, project: str) -> None:
        from google.cloud.pubsub_v1 import PublisherClient
        from google.cloud.pubsub_v1.types import BatchSettings, PublisherOptions

        self.project = project
        self.client = PublisherClient(
            batch_settings=BatchSettings(max_messages=1),
            publisher_options=PublisherOptions(enable_message_ordering=True),
        )

    def publish(self, topic: str, envelope: Mapping[str, Any]) -> Future[str]:
        path = self.client.topic_path(self.project, topic)
        key = str(envelope["subject"])
        data = json.dumps(envelope, separators=(",", ":")).encode()
        future: Future[str] = self.client.publish(
            path, data, ordering_key=key, timeout=10.0, **attributes(envelope)
        )
        future.add_done_callback(lambda done: self._resume(done, path, key))
        return future

    def check(self) -> None:
        """Request a topic that every deployment has. A service that may only publish gets PermissionDenied, which
        also proves that Pub/Sub answers."""
        from google.api_core.exceptions import PermissionDenied

        with suppress(PermissionDenied):
            self.client.get_topic(
                topic=self.client.topic_path(self.project, "order-events"), timeout=2.0, retry=None
            )

    def _resume(self, done: Future[str], path: str, key: str) -> None:
        """Resume an ordering key, which the client pauses after a failure; the outbox sends the event again."""
        if done.cancelled() or done.exception() is not None:
            self.client.resume_publish(path, key)
