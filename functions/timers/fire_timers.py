"""Look again at what is due: expired orders and supplies, lapsed leases, supplies never checked.

A timer is only a hint: its handler decides from the aggregate, in one commit that also removes the timer. A timer
that fails stays for the next run. Two runs at once do each thing once.
"""

from __future__ import annotations

import logging
import time

from shared import resources
from shared.context import current
from shared.desk import timers
from shared.operation import schedule
from shared.store.records import TIMER_SHARDS, TIMERS, Timer
from shared.store.session import Session

_log = logging.getLogger(__name__)
BATCH = 200  # of each shard and run
RESERVE_SECONDS = 5.0  # of the deadline, left to the last handler


@schedule(seconds=2, needs=("chain",), publishes=("supply-events", "order-events", "claim-events"))
def fire_timers() -> None:
    now = resources.clock().now()
    session = Session(resources.database().snapshot())
    shards = session.read_all([TIMERS.scan(shard, upto=(now,), limit=BATCH) for shard in range(TIMER_SHARDS)])
    due = sorted((timer for shard in shards for timer in shard), key=lambda timer: timer.due_at)
    fired = sum(_fire(timer) for timer in due if _in_time())
    if due:
        _log.info("fired", extra={"timers": fired, "of": len(due)})


def _in_time() -> bool:
    return current().deadline - time.monotonic() > RESERVE_SECONDS


def _fire(timer: Timer) -> bool:
    """True when it was handled; whatever goes wrong with one keeps none of the others."""
    try:
        timers.fire(timer)
    except Exception:
        _log.warning("a timer failed", exc_info=True, extra={"kind": timer.kind, "subject": timer.subject})
        return False
    return True
