"""Wake the webhook lanes that are due: retries, work of a killed process, and lost hints."""

from __future__ import annotations

import time

from shared import resources
from shared.runtime.context import time_left
from shared.runtime.operation import schedule
from shared.webhooks import hints, lanes

MAX_LANES = 500  # lanes that are woken at once
PAUSE = 2.0  # seconds between two sweeps in production, where a run starts only once a minute
RESERVE_SECONDS = 10.0  # no further sweep begins when less than this is left before the deadline


@schedule(seconds=1, publishes=(hints.TOPIC,))
def sweep_webhooks() -> None:
    while True:
        hints.wake(lanes.due(resources.clock().now(), MAX_LANES))
        if resources.settings().local or not time_left(RESERVE_SECONDS):
            return
        time.sleep(PAUSE)
