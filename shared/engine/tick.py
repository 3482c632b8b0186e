"""One pass over a chain, and passes for as long as there is work: alone it finishes every transaction (I6).

Everything due within the next minute is looked at in each block; whatever a pass leaves undone is still there for
the next one. A pass sends first and proves afterwards. What it finds out is committed slice by slice, and where it runs
out of time the next one goes on from there: any backlog is worked off.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from shared import resources
from shared.chain.errors import ChainError
from shared.chain.types import Nonces
from shared.domain.transactions.lanes import Lane
from shared.domain.transactions.transactions import Transaction
from shared.engine import cancellation, confirmation, low_balances, nonce_sync, pending, rebroadcast
from shared.engine.chain_view import ChainView
from shared.engine.dispatch import dispatch
from shared.engine.pending import PAUSES, Unfinished, Work
from shared.engine.process_hints import hints
from shared.runtime.clock import new_id
from shared.runtime.context import remaining_seconds
from shared.store import port
from shared.store.session import Session
from shared.store.tables.transactions import LEASES, Lease

_log = logging.getLogger(__name__)
T = TypeVar("T")
STOP_BEFORE = 5.0  # seconds left of the run's time
SENDING_SHARE = 0.5  # of the time that is left, for lanes; the rest is for what came of them
SLICE = 100  # transactions that are looked into between two commits


def run(chain: str, *, lease_seconds: float, once: bool) -> None:
    """Passes at block time until nothing is left or the run's time is over; a single one with `once`."""
    owner, name = new_id("own"), f"tick:{chain}"
    held = False
    try:
        while work := _work(chain):
            if not take_lease(name, owner, lease_seconds):
                return
            held, started = True, time.monotonic()
            run_pass(chain, work)
            if once or remaining_seconds(3600) < STOP_BEFORE:
                return
            block = resources.registry().chain(chain).block_seconds
            time.sleep(max(0.05, block - (time.monotonic() - started)))
    finally:
        if held:
            release_lease(name, owner)


def _work(chain: str) -> Work:
    work = pending.find(chain)
    if not work:
        pending.measure(chain, None)
    return work


def run_pass(chain: str, work: Work | None = None) -> None:
    """Look at everything unfinished once: outcomes, lanes, what is to be sent again, what is queued."""
    work = work or pending.find(chain)
    unfinished = pending.load(work)
    pending.measure(chain, unfinished)
    block_seconds = resources.registry().chain(chain).block_seconds
    for start in range(0, len(unfinished.late), cancellation.BATCH_SIZE):
        late = unfinished.late[start : start + cancellation.BATCH_SIZE]
        _safely("deadlines", chain, lambda late=late: cancellation.expire(late, block_seconds))
    view = ChainView(resources.chain(chain)) if unfinished.lanes else None
    counts = _counts(view, unfinished) if view else {}
    stop = remaining_seconds(3600) * (1 - SENDING_SHARE)
    if view:
        _rotate(
            "lanes",
            chain,
            unfinished.lanes,
            stop,
            lambda lane: _lane(view, unfinished, lane, counts[lane.id]),
        )
    _rotate(
        "queues",
        chain,
        work.queued,
        stop,
        lambda lane_id: _safely("dispatch", lane_id, lambda: dispatch(lane_id)),
    )
    if view:
        _conclude(view, unfinished, counts)
    lane_ids = {lane.id for lane in unfinished.lanes} | set(work.queued)
    _safely("balances", chain, lambda: low_balances.watch(resources.chain(chain), lane_ids))


def _counts(view: ChainView, unfinished: Unfinished) -> dict[str, Nonces]:
    """What the chain says of each lane."""
    addresses = [lane.address for lane in unfinished.lanes]
    found = view.client.nonces(addresses, view.finalized)
    return dict(zip((lane.id for lane in unfinished.lanes), found, strict=True))


def _rotate(what: str, chain: str, wanted: Sequence[T], stop: float, work: Callable[[T], None]) -> None:
    """Do this for all of them, or until so few seconds are left: the next pass then begins behind the last one, and one
    in another process anywhere."""
    starts, anywhere = hints().starts, int(resources.clock().now().timestamp())
    start = starts.get((what, chain), anywhere) % len(wanted) if wanted else 0
    for done, one in enumerate((*wanted[start:], *wanted[:start])):
        if remaining_seconds(3600) < max(STOP_BEFORE, stop):
            _log.warning(
                "a pass ends before it is through", extra={"what": what, "chain": chain, "done": done}
            )
            starts[what, chain] = start + done
            return
        work(one)


def _conclude(view: ChainView, unfinished: Unfinished, counts: dict[str, Nonces]) -> None:
    """What became of what was sent, slice by slice, each committed before the next one is looked into."""
    below = {lane_id: seen.latest for lane_id, seen in counts.items()}
    view.know(attempt.hash for attempts in unfinished.attempts.values() for attempt in attempts)
    rows = sorted(unfinished.rows, key=lambda row: row.mined_block_number or 0)
    slices = [rows[start : start + SLICE] for start in range(0, len(rows), SLICE)]

    def look_into(part: Sequence[Transaction]) -> None:
        """Half by half where it fails by a defect, so that only what it is about is left out."""
        try:
            _look_into(view, part, unfinished, below, counts)
        except ChainError:
            raise
        except Exception:
            if len(part) == 1:
                raise
            _log.warning("a slice is looked into in halves", exc_info=True)
            for half in (part[: len(part) // 2], part[len(part) // 2 :]):
                _safely("slice", half[0].id, lambda half=half: look_into(half))

    name = view.client.spec.name
    _rotate(
        "conclusions", name, slices, 0.0, lambda part: _safely("slice", part[0].id, lambda: look_into(part))
    )


def _look_into(
    view: ChainView,
    part: Sequence[Transaction],
    unfinished: Unfinished,
    below: dict[str, int],
    counts: dict[str, Nonces],
) -> None:
    findings = confirmation.look(view, part, unfinished.attempts, below)
    confirmation.write(findings, view.client.spec.block_seconds)
    found = {finding.transaction_id for finding in findings}
    for row in part:
        final = counts[row.lane_id].finalized if row.lane_id in counts else 0
        if row.live and row.id not in found and (row.nonce or 0) < final and not _is_foreign(row):
            nonce_sync.find_holder(view, row, unfinished.attempts[row.id])


def _is_foreign(row: Transaction) -> bool:
    """Proven already; only the engine's own no-ops are given up without being asked."""
    return row.blocked_reason == "FOREIGN_NONCE" and row.kind != "noop"


def _lane(view: ChainView, unfinished: Unfinished, lane: Lane, counts: Nonces) -> None:
    _safely("lane", lane.id, lambda: _attend(view, unfinished, lane, counts))


def _attend(view: ChainView, unfinished: Unfinished, lane: Lane, counts: Nonces) -> None:
    """A lane's counts and gaps, and what of it is to be sent."""
    waiting = [
        row for row in unfinished.rows if row.lane_id == lane.id and (row.live or row.state == "nonced")
    ]
    nonce_sync.sync(view, lane, counts)
    if lane.paused_reason in PAUSES and all(row.blocked_reason != lane.paused_reason for row in waiting):
        nonce_sync.resume(lane)
    held = any(row.lane_id == lane.id and row.nonce == counts.pending for row in unfinished.rows)
    if counts.pending < lane.next_nonce and not held:
        nonce_sync.fill_gap(view, lane)
    unmined = [row for row in waiting if (row.nonce or 0) >= counts.latest or row.state == "nonced"]
    if unmined:
        rebroadcast.attend(view, unmined, unfinished.attempts, counts)


def _safely(what: str, lane_id: str, work: object) -> None:
    """A lane's trouble stays its own; it is looked at again in the next pass."""
    try:
        work()  # type: ignore[operator]
    except ChainError as error:
        _log.warning("a node failed", extra={"what": what, "lane": lane_id, "error": str(error)})
    except Exception:
        _log.exception("a lane was not attended to", extra={"what": what, "lane": lane_id})


def take_lease(name: str, owner: str, seconds: float) -> bool:
    """Take or renew the lease of a recurring job; False while another holds it.

    A lease saves work; what is written rests on compare-and-set (I7)."""
    now = resources.clock().now()

    def body(transaction: port.StoreTransaction) -> bool:
        held = Session(transaction).one(LEASES.find(name))
        if held is not None and held.owner != owner and held.held_until > now:
            return False
        fence = held.fence if held is not None and held.owner == owner else (held.fence if held else 0) + 1
        lease = Lease(name, owner, now + timedelta(seconds=seconds), fence)
        transaction.buffer([LEASES.write("upsert", lease)])
        return True

    taken, _ = resources.database().transact(body)
    return taken


def release_lease(name: str, owner: str) -> None:
    """Let the next one start at once."""
    take_lease(name, owner, 0)
