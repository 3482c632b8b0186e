"""Deliver what one endpoint's lane has to deliver.

The only operation that calls servers which users name: it runs as a service of its own, whose
account opens the secrets that sign deliveries and no wallet's key."""

from __future__ import annotations

from shared.runtime.cloud_event import Event
from shared.runtime.operation import message
from shared.webhooks import hints, lanes


@message(hints.TOPIC, type=hints.DUE, needs=("webhooks",), publishes=(hints.TOPIC, "webhook-events"))
def deliver_webhooks(event: Event) -> None:
    lanes.run(event.subject)
