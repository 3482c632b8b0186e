"""One pass over a chain, and passes for as long as there is work: alone it finishes every transaction (I6).

The work of a chain is divided into buckets of lanes. A pass looks into all that have any, several side by side; each
is held by a lease, so that other processes take those that this one does not get to. Whatever a pass leaves undone is
still there for the next one.
"""

from __future__ import annotations

import contextvars
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeVar

from shared import resources
from shared.chain.errors import ChainError
from shared.engine import pending
from shared.engine.block_watch import Seen
from shared.engine.bucket_visit import STOP_BEFORE, Visit
from shared.engine.chain_view import ChainView
from shared.engine.pending import Marks, Unfinished, Work, bucket_lease
from shared.engine.process_hints import hints
from shared.runtime.clock import new_id
from shared.runtime.context import remaining_seconds
from shared.store import port
from shared.store.session import Session
from shared.store.tables.transactions import LEASES, Lease

_log = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")
WORKERS = 8  # buckets that a process looks into side by side: most of the time it waits for others


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds leases and how: renewed at the latest every `seconds`, and for `spacing` seconds from the start of a
    visit on nobody else looks into the same bucket."""

    owner: str
    seconds: float = 0.0
    spacing: float = 0.0


def run(chain: str, *, lease_seconds: float, once: bool) -> None:
    """Passes at block time until nothing is left for this process or the run's time is over; a single one with
    `once`."""
    block = resources.registry().chain(chain).block_seconds
    holder, marks = Holder(new_id("own"), lease_seconds, 0.0 if once else block), Marks()
    while True:
        started = time.monotonic()
        if not run_pass(chain, holder, marks) or once or remaining_seconds(3600) < STOP_BEFORE:
            return
        time.sleep(max(0.05, block - (time.monotonic() - started)))


def run_pass(chain: str, holder: Holder | None = None, marks: Marks | None = None) -> bool:
    """Look at everything unfinished once that no other process holds; whether there was any."""
    works, holds = pending.find(chain, marks), holder or Holder(new_id("own"))
    if not works:
        pending.measure(chain, [], [], [], None)
        return False
    try:
        view = ChainView(resources.chain(chain))
    except ChainError as error:  # what needs no node goes on
        _log.warning("a chain shows no head", extra={"chain": chain, "error": str(error)})
        view = None
    start = hints().starts.pop(("buckets", chain), int(resources.clock().now().timestamp())) % len(works)

    def visit(work: Work) -> Unfinished | None:
        return _visit(chain, view.for_bucket() if view else None, work, holds)

    turns = [*works[start:], *works[:start]]
    found = side_by_side(turns, visit)
    hints().starts["buckets", chain] = start + 1
    loaded = [unfinished for unfinished in found if unfinished is not None]
    left = [work for work, unfinished in zip(turns, found, strict=True) if unfinished is None]
    pending.measure(chain, works, loaded, left, view.head.timestamp if view else None)
    return bool(loaded)


def side_by_side(wanted: Sequence[T], work: Callable[[T], R]) -> list[R]:
    """Do this for all of them, some at a time; in their order where there is but one."""
    if len(wanted) == 1:
        return [work(wanted[0])]
    with ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="bucket") as pool:
        return [
            future.result()
            for future in [pool.submit(contextvars.copy_context().run, work, one) for one in wanted]
        ]


def _visit(chain: str, view: ChainView | None, work: Work, holder: Holder) -> Unfinished | None:
    """What one bucket has to be done; None where another process holds it, or the time is over."""
    name, owner, began = bucket_lease(chain, work.bucket), holder.owner, resources.clock().now()
    lease = take_lease(name, owner, holder.seconds) if remaining_seconds(3600) >= STOP_BEFORE else None
    if lease is None:
        return None
    seen = Seen.of(lease)

    def renew() -> bool:
        return take_lease(name, owner, holder.seconds) is not None

    visit, found = Visit(chain, view, work, seen, renew=renew, every=holder.seconds / 2), None
    try:
        found = visit.run()
    except ChainError as error:
        _log.warning("a node failed", extra={"chain": chain, "bucket": work.bucket, "error": str(error)})
    except Exception:
        _log.exception("a bucket was not looked into", extra={"chain": chain, "bucket": work.bucket})
    finally:
        now = resources.clock().now()
        left = max(0.0, holder.spacing - (now - began).total_seconds())
        if found is None and work.visited is not None:  # a failed visit is none: alerts count from the last
            left = (work.visited - now).total_seconds()
        take_lease(name, owner, left, visit.seen)
    return found


def take_lease(
    name: str, owner: str, seconds: float, seen: Seen | Literal["kept"] | None = "kept"
) -> Lease | None:
    """Take or renew the lease of a recurring job; None while another holds it. `seen` is remembered with it.

    A lease saves work; what is written rests on compare-and-set (I7)."""
    now = resources.clock().now()

    def body(transaction: port.StoreTransaction) -> Lease | None:
        held = Session(transaction).one(LEASES.find(name))
        if held is not None and held.owner != owner and held.held_until > now:
            return None
        fence = held.fence if held is not None and held.owner == owner else (held.fence if held else 0) + 1
        known = (Seen.of(held) if held is not None else None) if seen == "kept" else seen
        block = (known.number, known.hash) if known is not None else (None, None)
        lease = Lease(name, owner, now + timedelta(seconds=seconds), fence, *block)
        transaction.buffer([LEASES.write("upsert", lease)])
        return lease

    taken, _ = resources.database().transact(body)
    return taken
