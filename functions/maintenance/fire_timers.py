"""Fire due timers: expired orders and supplies, and leases that ran out. Check supplies whose event was lost.

A timer is only a hint: its handler decides from the current rows, in one commit that also removes the timer. Timers
with nothing left to do are removed together. A timer that fails stays for the next run. Two runs at the same time do
everything once.
"""

from __future__ import annotations

import logging

from shared import resources
from shared.desk import activation, pending_supplies, timer_handlers
from shared.runtime.context import time_left
from shared.runtime.operation import schedule
from shared.runtime.parallel import run_each
from shared.store.port import Write
from shared.store.session import Session
from shared.store.tables.system import TIMER_SHARDS, TIMERS, Timer

_log = logging.getLogger(__name__)
BATCH = 100  # timers of each shard in one round
THREADS = 8
RESERVE_SECONDS = 10.0  # no new round begins when less than this is left before the deadline


@schedule(seconds=2, needs=("chain",), publishes=("supply-events", "order-events", "claim-events"))
def fire_timers() -> None:
    tried: set[Timer] = set()
    while time_left(RESERVE_SECONDS):
        due = [timer for timer in _due() if timer not in tried]
        if not due:
            break
        tried.update(due)
        idle = set(
            timer_handlers.idle(Session(resources.database().snapshot()), due, resources.clock().now())
        )
        _drop(idle)
        fired = sum(run_each(_fire, [timer for timer in due if timer not in idle], threads=THREADS))
        _log.info("timers", extra={"fired": fired, "idle": len(idle), "due": len(due)})
    _check_supplies()


def _check_supplies() -> None:
    if not time_left(RESERVE_SECONDS):
        return
    pending = checked = 0
    for part in pending_supplies.next_round(resources.clock().now()).parts(THREADS):
        pending += len(part)
        checked += sum(run_each(_checked, part, threads=THREADS))
        if not time_left(RESERVE_SECONDS):
            break
    if pending:
        _log.info("supplies", extra={"checked": checked, "pending": pending})


def _checked(supply_id: str) -> bool:
    """Check one supply; returns whether that succeeded. A failure must not stop the others."""
    try:
        activation.check(supply_id)
    except Exception:
        _log.warning("a supply was not checked", exc_info=True, extra={"supply": supply_id})
        return False
    return True


def _due() -> list[Timer]:
    """The next due timers of every shard; those that have been due longest come first."""
    now = resources.clock().now()
    session = Session(resources.database().snapshot())
    shards = session.read_all([TIMERS.scan(shard, upto=(now,), limit=BATCH) for shard in range(TIMER_SHARDS)])
    return sorted((timer for shard in shards for timer in shard), key=lambda timer: timer.due_at)


def _drop(idle: set[Timer]) -> None:
    if idle:
        columns = TIMERS.key_columns
        resources.database().write(
            [Write("delete", TIMERS.name, columns, TIMERS.key_of(timer)) for timer in idle]
        )


def _fire(timer: Timer) -> bool:
    """Handle one timer; returns whether that succeeded. A failure must not stop the other timers."""
    try:
        timer_handlers.fire(timer)
    except Exception:
        _log.warning("a timer failed", exc_info=True, extra={"kind": timer.kind, "subject": timer.subject})
        return False
    return True
