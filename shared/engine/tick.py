"""Run passes over a chain for as long as there is work; these alone finish every transaction (I6).

The work of a chain is divided into buckets of lanes. A pass visits all buckets with work, several in parallel. Each is
held by a lease, so that other processes take the buckets that this one does not reach. Work that a pass leaves undone
is still there for the next pass.
"""

from __future__ import annotations

import contextvars
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from shared import resources
from shared.chain.errors import ChainError
from shared.engine import leases, pending
from shared.engine.block_watch import Seen
from shared.engine.bucket_visit import RESERVE_SECONDS, Visit
from shared.engine.chain_view import ChainView
from shared.engine.leases import Remembered
from shared.engine.pending import NOTHING, Marks, Unfinished, Work, bucket_lease
from shared.engine.process_hints import hints
from shared.runtime.clock import new_id
from shared.runtime.context import remaining_seconds
from shared.store.port import StoreError
from shared.store.tables.transactions import Lease
from shared.writes.commit import STORE_FAULTS

_log = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")
WORKERS = 8  # buckets that a process visits in parallel: a visit mostly waits for I/O
IDLE_SPACING = 2.0  # seconds between visits that only watch blocks: each costs two commits
MAX_HOLD_OFF = 15.0  # seconds for which a bucket is left alone because its visits fail


@dataclass(frozen=True, slots=True)
class Holder:
    """The lease parameters of this process: a lease is renewed at least every `seconds`, and nobody else visits the
    same bucket within `spacing` seconds of the start of a visit."""

    owner: str
    seconds: float = 0.0
    spacing: float = 0.0


def run(chain: str, *, lease_seconds: float, once: bool) -> None:
    """Run passes at block time until nothing is left for this process or the run's time is over; with `once`, a single
    pass."""
    block = resources.registry().chain(chain).block_seconds
    holder, marks = Holder(new_id("own"), lease_seconds, 0.0 if once else block), Marks()
    while True:
        started = time.monotonic()
        try:
            unfinished = run_pass(chain, holder, marks)
        except STORE_FAULTS as error:  # what is left is not known, and the next run may be a minute away
            fields = {"chain": chain, "error": f"{type(error).__name__}: {error}"}
            _log.warning("the store failed", extra=fields)
            unfinished = True
        if not unfinished or once or remaining_seconds(3600) < RESERVE_SECONDS:
            return
        time.sleep(max(0.05, block - (time.monotonic() - started)))


def run_pass(chain: str, holder: Holder | None = None, marks: Marks | None = None) -> bool:
    """Visit everything unfinished that no other process holds, once. Returns whether there was any, or there will be
    again because visits failed."""
    works, holds = pending.find(chain, marks), holder or Holder(new_id("own"))
    if not works:
        pending.measure(chain, [], [], [], None)
        return False
    try:
        view = ChainView(resources.chain(chain))
    except ChainError as error:  # work that needs no node continues
        _log.warning("a chain shows no head", extra={"chain": chain, "error": str(error)})
        view = None
    now = resources.clock().now()
    start = hints().starts.pop(("buckets", chain), int(now.timestamp())) % len(works)
    failing = {work.bucket for work in works if _rests(chain, work, now)}
    rested = now - timedelta(seconds=IDLE_SPACING - holds.spacing)

    def visit(work: Work) -> Unfinished | None:
        if work.bucket in failing:
            return None
        if 0 < holds.spacing < IDLE_SPACING and work.idle(view, rested):
            return NOTHING
        try:
            return _visit(chain, view.for_bucket() if view else None, work, holds)
        except VisitFailed:
            failing.add(work.bucket)
            return None

    turns = [*works[start:], *works[:start]]
    found = side_by_side(turns, visit)
    hints().starts["buckets", chain] = start + 1
    loaded = [unfinished for unfinished in found if unfinished is not None]
    left = [work for work, unfinished in zip(turns, found, strict=True) if unfinished is None]
    pending.measure(chain, works, loaded, left, view.head.timestamp if view else None)
    return bool(loaded or failing)


def side_by_side(wanted: Sequence[T], work: Callable[[T], R]) -> list[R]:
    """Call `work` for all items in parallel threads; a single item runs in this thread. Returns the
    results in order."""
    if len(wanted) == 1:
        return [work(wanted[0])]
    with ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="bucket") as pool:
        return [
            future.result()
            for future in [pool.submit(contextvars.copy_context().run, work, one) for one in wanted]
        ]


class VisitFailed(Exception):
    """A visit failed because of nodes, the store or a defect; it was logged."""


def _visit(chain: str, view: ChainView | None, work: Work, holder: Holder) -> Unfinished | None:
    """Visit one bucket; None if another process holds it or the time is over. Raises VisitFailed, also if the store
    fails while the lease is taken, renewed or given back."""
    if remaining_seconds(3600) < RESERVE_SECONDS:
        return None
    name, began = bucket_lease(chain, work.bucket), resources.clock().now()
    fields = {"chain": chain, "bucket": work.bucket}
    try:
        lease = leases.take(name, holder.owner, holder.seconds)
        found = _visit_under(lease, chain, view, work, holder) if lease is not None else None
        hints().rests.pop(name, None)
        return found
    except ChainError as error:
        _log.warning("a node failed", extra=fields | {"error": str(error)})
    except STORE_FAULTS as error:
        _log.warning("the store failed", extra=fields | {"error": f"{type(error).__name__}: {error}"})
        _rest_here(name, work, holder, began)
    except Exception:
        _log.exception("a bucket was not looked into", extra=fields)
    raise VisitFailed


def _visit_under(lease: Lease, chain: str, view: ChainView | None, work: Work, holder: Holder) -> Unfinished:
    """Visit a bucket under its lease and give the lease back. Raises what the visit raises."""
    began = resources.clock().now()
    renew = partial(leases.keep, lease, holder.seconds)
    visit = Visit(chain, view, work, Seen.of(lease), renew=renew, every=holder.seconds / 2)
    try:
        found = visit.run()
    except Exception:
        with suppress(StoreError):  # the first failure is the one to log
            _leave(lease, holder, began, Remembered(visit.seen, lease.failing_since or began))
        raise
    _leave(lease, holder, began, Remembered(visit.seen, None))
    return found


def _leave(lease: Lease, holder: Holder, began: datetime, remembered: Remembered) -> None:
    """Give a lease back after a visit, so that others can take it one block time after the visit began. After a failed
    visit, the bucket is left alone for half of the time for which its visits have been failing."""
    now, spacing = resources.clock().now(), holder.spacing
    left = max(0.0, spacing - (now - began).total_seconds())
    if remembered.failing_since is not None and spacing:
        left = _hold_off(remembered.failing_since, now, spacing)
    leases.keep(lease, left, remembered)


def _rest_here(name: str, work: Work, holder: Holder, began: datetime) -> None:
    """Make this process leave a bucket alone for a while, because the store may not have accepted that all processes
    do."""
    if holder.spacing:
        since, _ = hints().rests.get(name) or ((work.lease and work.lease.failing_since) or began, began)
        now = resources.clock().now()
        hints().rests[name] = (since, now + timedelta(seconds=_hold_off(since, now, holder.spacing)))


def _hold_off(since: datetime, now: datetime, spacing: float) -> float:
    """Seconds for which a bucket is left alone whose visits have been failing since then."""
    return max(spacing, min(MAX_HOLD_OFF, (now - since).total_seconds() / 2))


def _rests(chain: str, work: Work, now: datetime) -> bool:
    """Whether a bucket is left alone now because its visits fail: by all processes, or by this one."""
    _, until = hints().rests.get(bucket_lease(chain, work.bucket), (now, now))
    return work.rests(now) or until > now
