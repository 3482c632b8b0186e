"""One pass over a chain, and passes for as long as there is work: alone it finishes every transaction (I6).

Everything due within the next minute is looked at in each block; whatever a pass leaves undone is still there for
the next one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from shared import resources
from shared.chain.errors import ChainError
from shared.chain.types import Nonces
from shared.clock import new_id
from shared.context import remaining_seconds
from shared.domain.lanes import Lane
from shared.domain.transactions import Transaction
from shared.engine import lanes, leases, low_balances, resend, track, undoing, unfinished
from shared.engine.dispatch import dispatch
from shared.engine.unfinished import PAUSES, Unfinished, Work
from shared.engine.view import View

_log = logging.getLogger(__name__)
STOP_BEFORE = 5.0  # seconds left of the run's time


def run(chain: str, *, lease_seconds: float, once: bool) -> None:
    """Passes at block time until nothing is left or the run's time is over; a single one with `once`."""
    owner, name = new_id("own"), f"tick:{chain}"
    held = False
    try:
        while work := _work(chain):
            if not leases.take(name, owner, lease_seconds):
                return
            held, started = True, time.monotonic()
            run_pass(chain, work)
            if once or remaining_seconds(3600) < STOP_BEFORE:
                return
            block = resources.registry().chain(chain).block_seconds
            time.sleep(max(0.05, block - (time.monotonic() - started)))
    finally:
        if held:
            leases.give_back(name, owner)


def _work(chain: str) -> Work:
    work = unfinished.find(chain)
    if not work:
        unfinished.measure(chain, None)
    return work


def run_pass(chain: str, work: Work | None = None) -> None:
    """Look at everything unfinished once: outcomes, lanes, what is to be sent again, what is queued."""
    work = work or unfinished.find(chain)
    found = unfinished.load(work)
    unfinished.measure(chain, found)
    block_seconds = resources.registry().chain(chain).block_seconds
    for start in range(0, len(found.late), undoing.TOGETHER):
        late = found.late[start : start + undoing.TOGETHER]
        _safely("deadlines", chain, lambda late=late: undoing.expire(late, block_seconds))
    if found.lanes:
        _follow(View(resources.chain(chain)), found)
    for lane_id in work.queued:
        _safely("dispatch", lane_id, lambda lane_id=lane_id: dispatch(lane_id))
    lane_ids = {lane.id for lane in found.lanes} | set(work.queued)
    _safely("balances", chain, lambda: low_balances.watch(resources.chain(chain), lane_ids))


def _follow(view: View, found: Unfinished) -> None:
    """Outcomes of all lanes first, then lane by lane what is left."""
    spec = view.client.spec
    counts = dict(
        zip(
            (lane.id for lane in found.lanes),
            view.client.nonces([lane.address for lane in found.lanes], view.finalized),
            strict=True,
        )
    )
    below = {lane_id: seen.latest for lane_id, seen in counts.items()}
    findings = track.look(view, found.rows, found.attempts, below)
    track.write(findings, spec.block_seconds)
    settled = {finding.transaction_id for finding in findings}
    waiting: dict[str, list[Transaction]] = {lane.id: [] for lane in found.lanes}
    for row in found.rows:
        if row.lane_id in waiting and row.id not in settled and (row.live or row.state == "nonced"):
            waiting[row.lane_id].append(row)
    for lane in found.lanes:
        _safely(
            "lane", lane.id, lambda lane=lane: _lane(view, found, lane, counts[lane.id], waiting[lane.id])
        )


def _lane(view: View, found: Unfinished, lane: Lane, counts: Nonces, waiting: Sequence[Transaction]) -> None:
    lanes.sync(view, lane, counts)
    if lane.paused_reason in PAUSES and all(row.blocked_reason != lane.paused_reason for row in waiting):
        lanes.resume(lane)
    for row in waiting:
        if row.live and (row.nonce or 0) < counts.finalized and row.blocked_reason != "FOREIGN_NONCE":
            lanes.find_holder(view, row, found.attempts[row.id])
    if counts.latest < lane.next_nonce and all(row.nonce != counts.latest for row in waiting):
        sample = waiting[0] if waiting else lanes.any_row(lane.id)
        if sample is not None:
            lanes.fill_gaps(lane, counts.latest, sample)
    unmined = [row for row in waiting if (row.nonce or 0) >= counts.latest or row.state == "nonced"]
    if unmined:
        resend.attend(view, unmined, found.attempts, counts)


def _safely(what: str, lane_id: str, work: object) -> None:
    """A lane's trouble stays its own; it is looked at again in the next pass."""
    try:
        work()  # type: ignore[operator]
    except ChainError as error:
        _log.warning("a node failed", extra={"what": what, "lane": lane_id, "error": str(error)})
    except Exception:
        _log.exception("a lane was not attended to", extra={"what": what, "lane": lane_id})
