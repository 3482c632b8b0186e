"""Deliver the events that wait in the lane of one webhook endpoint.

This is the only operation that calls servers named by users. It runs as a service of its own, whose account can open
the secrets that sign deliveries, but no wallet key.
"""

from __future__ import annotations

from shared.runtime.cloud_event import Event
from shared.runtime.operation import message
from shared.webhooks import hints, lanes


@message(hints.TOPIC, type=hints.DUE, needs=("webhooks",), publishes=(hints.TOPIC, "webhook-events"))
def deliver_webhooks(event: Event) -> None:
    lanes.run(event.subject)
