"""Wake the webhook lanes that are due: retries, work of a killed process, and lost hints."""

from __future__ import annotations

import time

from shared import resources
from shared.runtime.context import remaining_seconds
from shared.runtime.operation import schedule
from shared.webhooks import hints, lanes

MOST = 500  # lanes in one look
PAUSE = 2.0  # seconds between two looks, where a run is started each minute only
STOP_BEFORE = 10.0  # seconds of the deadline


@schedule(seconds=1, publishes=(hints.TOPIC,))
def sweep_webhooks() -> None:
    while True:
        hints.wake(lanes.due(resources.clock().now(), MOST))
        if resources.settings().local or remaining_seconds(3_600) < STOP_BEFORE:
            return
        time.sleep(PAUSE)
