"""One pass over a chain, and passes for as long as there is work: alone it finishes every transaction (I6).

Everything due within the next minute is looked at in each block; whatever a pass leaves undone is still there for
the next one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import timedelta

from shared import resources
from shared.chain.errors import ChainError
from shared.chain.types import Nonces
from shared.domain.transactions.lanes import Lane
from shared.domain.transactions.transactions import Transaction
from shared.engine import cancellation, confirmation, low_balances, nonce_sync, pending, rebroadcast
from shared.engine.chain_view import ChainView
from shared.engine.dispatch import dispatch
from shared.engine.pending import PAUSES, Unfinished, Work
from shared.runtime.clock import new_id
from shared.runtime.context import remaining_seconds
from shared.store import port
from shared.store.session import Session
from shared.store.tables.transactions import LEASES, Lease

_log = logging.getLogger(__name__)
STOP_BEFORE = 5.0  # seconds left of the run's time


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
    if unfinished.lanes:
        _follow(ChainView(resources.chain(chain)), unfinished)
    for lane_id in work.queued:
        _safely("dispatch", lane_id, lambda lane_id=lane_id: dispatch(lane_id))
    lane_ids = {lane.id for lane in unfinished.lanes} | set(work.queued)
    _safely("balances", chain, lambda: low_balances.watch(resources.chain(chain), lane_ids))


def _follow(view: ChainView, unfinished: Unfinished) -> None:
    """Outcomes of all lanes first, then lane by lane what is left."""
    spec = view.client.spec
    counts = dict(
        zip(
            (lane.id for lane in unfinished.lanes),
            view.client.nonces([lane.address for lane in unfinished.lanes], view.finalized),
            strict=True,
        )
    )
    below = {lane_id: seen.latest for lane_id, seen in counts.items()}
    findings = confirmation.look(view, unfinished.rows, unfinished.attempts, below)
    confirmation.write(findings, spec.block_seconds)
    settled = {finding.transaction_id for finding in findings}
    waiting: dict[str, list[Transaction]] = {lane.id: [] for lane in unfinished.lanes}
    for row in unfinished.rows:
        if row.lane_id in waiting and row.id not in settled and (row.live or row.state == "nonced"):
            waiting[row.lane_id].append(row)
    for lane in unfinished.lanes:
        _safely(
            "lane",
            lane.id,
            lambda lane=lane: _lane(view, unfinished, lane, counts[lane.id], waiting[lane.id]),
        )


def _lane(
    view: ChainView, unfinished: Unfinished, lane: Lane, counts: Nonces, waiting: Sequence[Transaction]
) -> None:
    nonce_sync.sync(view, lane, counts)
    if lane.paused_reason in PAUSES and all(row.blocked_reason != lane.paused_reason for row in waiting):
        nonce_sync.resume(lane)
    for row in waiting:
        if row.live and (row.nonce or 0) < counts.finalized and row.blocked_reason != "FOREIGN_NONCE":
            nonce_sync.find_holder(view, row, unfinished.attempts[row.id])
    if counts.latest < lane.next_nonce and all(row.nonce != counts.latest for row in waiting):
        sample = waiting[0] if waiting else nonce_sync.any_transaction(lane.id)
        if sample is not None:
            nonce_sync.fill_gaps(lane, counts.latest, sample)
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
