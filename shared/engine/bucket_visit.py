"""Visit one bucket of lanes: send what is due, then find out the outcome of what was sent.

A visit sends first and proves afterwards. It commits its findings slice by slice. If it runs out of time, the next
visit continues from there, so that any backlog gets done.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from shared import resources
from shared.chain.errors import ChainError
from shared.chain.types import Nonces
from shared.domain.transactions.lanes import Lane
from shared.domain.transactions.transactions import Attempt, Transaction
from shared.engine import (
    block_watch,
    cancellation,
    confirmation,
    low_balances,
    nonce_sync,
    pending,
    rebroadcast,
)
from shared.engine.block_watch import Seen
from shared.engine.chain_view import ChainView
from shared.engine.dispatch import dispatch
from shared.engine.pending import PAUSES, Unfinished, Work
from shared.engine.process_hints import hints
from shared.runtime.context import remaining_seconds
from shared.store.port import Row
from shared.store.tables.transactions import ENDED, MINED
from shared.writes.commit import STORE_FAULTS, commit

_log = logging.getLogger(__name__)
T = TypeVar("T")
RESERVE_SECONDS = 5.0  # no further work begins when less of the run's time is left
SENDING_SHARE = 0.5  # share of the remaining time for lanes and queues; the rest is for outcomes
MAX_ROUNDS = 3  # for hints that come while a visit sends from a lane: the other lanes wait
SLICE = 3 * confirmation.CHUNK  # transactions that are checked together, a multiple of a full commit


class Visit:
    """`seen` is the block that the bucket remembers; `run` updates it. `renew` renews the bucket's lease, every
    `every` seconds."""

    def __init__(
        self,
        chain: str,
        view: ChainView | None,
        work: Work,
        seen: Seen | None,
        *,
        renew: Callable[[], bool],
        every: float,
    ) -> None:
        self.chain, self.view, self.work, self.seen = chain, view, work, seen
        self._renew, self._every, self._renewed = renew, every, time.monotonic()
        self._counts: dict[str, Nonces] = {}
        self._lanes = set(work.queued)  # lanes whose balances are watched

    def run(self) -> Unfinished:
        """Do all work of the bucket once: deadlines, lanes, queues, outcomes, balances."""
        self.unfinished = pending.load(self.work)
        for start in range(0, len(self.unfinished.late), cancellation.BATCH_SIZE):
            self._expire(self.unfinished.late[start : start + cancellation.BATCH_SIZE])
        stop = remaining_seconds(3600) * (1 - SENDING_SHARE)
        view, lanes = self.view, self.unfinished.lanes
        self._lanes |= {lane.id for lane in lanes}
        if view and lanes:
            found = view.client.nonces([lane.address for lane in lanes], view.finalized)
            self._counts = {lane.id: seen for lane, seen in zip(lanes, found, strict=True)}
            known = [lane for lane in lanes if not nonce_sync.is_foreign(lane, self._counts[lane.id])]
            _safely("counts", self.chain, lambda: nonce_sync.sync(view, known, self._counts))
            self._rotate(
                "lanes", lanes, stop, lambda lane: _safely("lane", lane.id, lambda: self._process_lane(lane))
            )
        self._rotate(
            "queues",
            self.work.queued,
            stop,
            lambda one: _safely("dispatch", one, lambda: dispatch(one, most=MAX_ROUNDS)),
        )
        if view:
            try:
                self._conclude(view)
            finally:
                self.seen = block_watch.lowered(view, self.seen)
            _safely(
                "balances", self.chain, lambda: low_balances.watch(view.client, self.work.bucket, self._lanes)
            )
        return self.unfinished

    def _expire(self, late: Sequence[str]) -> None:
        block_seconds = resources.registry().chain(self.chain).block_seconds
        _safely("deadlines", self.chain, lambda: cancellation.expire(late, block_seconds))

    def _rotate(self, what: str, wanted: Sequence[T], stop: float, work: Callable[[T], None]) -> None:
        """Call `work` for all items, or until only `stop` seconds are left. The next visit in this process then starts
        after the last item done; another process starts at an arbitrary item."""
        starts, anywhere = hints().starts, int(resources.clock().now().timestamp())
        key = (what, f"{self.chain}:{self.work.bucket}")
        start = starts.get(key, anywhere) % len(wanted) if wanted else 0
        for done, one in enumerate((*wanted[start:], *wanted[:start])):
            if not self._may_go_on(stop):
                _log.warning(
                    "a visit ends before it is through", extra={"what": what, "bucket": key[1], "done": done}
                )
                starts[key] = start + done
                return
            work(one)

    def _may_go_on(self, stop: float = 0.0) -> bool:
        """Whether there is time left and this process still holds the bucket."""
        if remaining_seconds(3600) < max(RESERVE_SECONDS, stop):
            return False
        if self._every and time.monotonic() - self._renewed > self._every:
            self._renewed = time.monotonic()
            return self._renew()
        return True

    def _process_lane(self, lane: Lane) -> None:
        """Update the counts of a lane, fill its gaps, and send what is due on it."""
        assert self.view is not None
        counts, rows = self._counts[lane.id], self.unfinished.of_lane(lane.id)
        waiting = [row for row in rows if row.live or row.state == "nonced"]
        if nonce_sync.is_foreign(lane, counts):
            nonce_sync.sync(self.view, [lane], self._counts)
        reason = lane.paused_reason
        if reason in PAUSES and all(row.blocked_reason != reason for row in waiting):
            commit(nonce_sync.resume, lane.id, reason, [row.id for row in waiting])
        if counts.pending < lane.next_nonce and all(row.nonce != counts.pending for row in rows):
            nonce_sync.fill_gap(self.view, lane)
        unmined = [row for row in waiting if (row.nonce or 0) >= counts.latest or row.state == "nonced"]
        if unmined:
            rebroadcast.process_unmined(self.view, unmined, self.unfinished.attempts, counts)

    def _conclude(self, view: ChainView) -> None:
        """Find out the outcomes of sent transactions, slice by slice; each slice is committed before the next one
        starts."""
        rows, attempts = self.unfinished.rows, self.unfinished.attempts
        view.know(attempt.hash for found in attempts.values() for attempt in found)
        slices = [rows[start : start + SLICE] for start in range(0, len(rows), SLICE)]
        self._rotate("conclusions", slices, 0.0, lambda part: self._check_slice(view, part, attempts))
        gone: list[Row] = []
        if self.work.mined or self.work.ended:
            gone, self.seen = block_watch.displaced(view, self.work.bucket, self.seen)
        self._entries(view, gone)
        floor = self.work.floor(view.lowest_new)
        if floor is None:
            return
        stages = [(MINED, view.confirmed), (ENDED, view.finalized)]
        for stage, height in stages if int(view.now.timestamp()) % 2 else reversed(stages):
            for page in block_watch.pages(view, self.work.bucket, stage, above=floor, upto=height + 1):
                if not self._entries(view, page):
                    return

    def _entries(self, view: ChainView, entries: Sequence[Row]) -> bool:
        """Check the rows behind index entries; returns False if the time is over."""
        self._lanes |= {entry["lane_id"] for entry in entries}
        for start in range(0, len(entries), SLICE):
            if not self._may_go_on():
                return False
            rows, attempts = pending.load_rows(entries[start : start + SLICE])
            self._check_slice(view, rows, attempts)
        return True

    def _check_slice(
        self, view: ChainView, part: Sequence[Transaction], attempts: dict[str, list[Attempt]]
    ) -> None:
        """Check a slice. If it fails because of a defect, check it half by half, so that only the faulty transaction
        is left out. Raises STORE_FAULTS: without the store, the visit ends."""
        try:
            self._found(view, part, attempts)
        except ChainError as error:
            _log.warning("a node failed", extra={"what": "slice", "chain": self.chain, "error": str(error)})
        except STORE_FAULTS:
            raise
        except Exception:
            fields = {"transaction": part[0].id, "slice": len(part)}
            if len(part) == 1:
                _log.exception("a transaction was not looked into", extra=fields)
                return
            _log.warning("a slice is looked into in halves", exc_info=True, extra=fields)
            for half in (part[: len(part) // 2], part[len(part) // 2 :]):
                self._check_slice(view, half, attempts)

    def _found(
        self, view: ChainView, part: Sequence[Transaction], attempts: dict[str, list[Attempt]]
    ) -> None:
        below = {lane_id: seen.latest for lane_id, seen in self._counts.items()}
        findings = confirmation.look(view, part, attempts, below)
        confirmation.write(view, findings)
        found = {finding.transaction_id for finding in findings}
        for row in part:
            final = self._counts[row.lane_id].finalized if row.lane_id in self._counts else 0
            if row.live and row.id not in found and (row.nonce or 0) < final and not _is_foreign(row):
                nonce_sync.find_holder(view, row, attempts[row.id])


def _is_foreign(row: Transaction) -> bool:
    """Whether a foreign transaction is proven to have used the nonce. Only the engine's own no-ops are given up
    without asking."""
    return row.blocked_reason == "FOREIGN_NONCE" and row.kind != "noop"


def _safely(what: str, name: str, work: Callable[[], object]) -> None:
    """Contain the failure of one lane; the next pass looks at the lane again."""
    try:
        work()
    except ChainError as error:
        _log.warning("a node failed", extra={"what": what, "lane": name, "error": str(error)})
    except Exception:
        _log.exception("a lane was not attended to", extra={"what": what, "lane": name})
