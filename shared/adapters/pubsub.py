"""CloudEvents 1.0: the envelope that crosses Pub/Sub, and the publisher.

Messages are structured JSON; the `ce-*` attributes repeat what subscriptions filter on. Ordering keys are set
for outside consumers; our own reactions never rely on order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Protocol

from shared.runtime.cloud_event import attributes


def refused_for_good(error: BaseException | None) -> bool:
    """Whether Pub/Sub refuses this message however often it is sent: it is malformed or too large."""
    from google.api_core.exceptions import InvalidArgument

    return isinstance(error, InvalidArgument | ValueError | TypeError)


class Publisher(Protocol):
    def publish(self, topic: str, envelope: Mapping[str, Any]) -> Future[str]:
        """Send one event; the future answers the message id or raises."""
        ...

    def check(self) -> None:
        """Raise when Pub/Sub does not answer."""
        ...


class PubSubPublisher:
    """google-cloud-pubsub, one message per request: 0.9 ms against 12 ms with the default batching."""

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
        """Ask for a topic that every deployment has. Who may only publish is refused, and that is an answer, too."""
        from google.api_core.exceptions import PermissionDenied

        with suppress(PermissionDenied):
            self.client.get_topic(
                topic=self.client.topic_path(self.project, "order-events"), timeout=2.0, retry=None
            )

    def _resume(self, done: Future[str], path: str, key: str) -> None:
        """A failure pauses its ordering key in the client; the outbox repeats the event, so go on."""
        if done.cancelled() or done.exception() is not None:
            self.client.resume_publish(path, key)
