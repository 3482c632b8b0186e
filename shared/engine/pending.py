"""What is unfinished on a chain, read anew by each pass: nothing is remembered that a crash could lose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import resources
from shared.domain.transactions.lanes import Lane
from shared.domain.transactions.transactions import Attempt, Transaction
from shared.engine.process_hints import LANES_A_PASS, hints
from shared.store.partial_rows import UNREAD
from shared.store.port import Key, Row
from shared.store.session import Session
from shared.store.tables.transactions import (
    ATTEMPTS,
    DUE_PAGE,
    LANES,
    TRANSACTIONS,
    attempt_glances,
    due,
    due_after,
    glances,
    next_queue,
)
from shared.telemetry import metrics

AHEAD = timedelta(seconds=75)  # beyond the longest wait of what is not final: each block is looked at
MOST_PAGES = 100  # of a shard in one pass
FULL_ROWS = 32  # rows that a pass holds with their data and signed bytes: a hundred kilobytes and more each
QUEUED = ("held", "accepted")  # without a nonce
INFLIGHT = metrics.gauge("wallet_inflight_transactions", "With a nonce and without an outcome.", "chain")
INFLIGHT_OLDEST = metrics.gauge(
    "wallet_inflight_oldest_seconds", "Since the oldest of them was accepted.", "chain"
)
PAYOUTS_OLDEST = metrics.gauge(
    "wallet_payouts_oldest_seconds", "Since the oldest payout without an outcome was accepted.", "chain"
)
LANES_PAUSED = metrics.gauge("wallet_lanes_paused", "Addresses that send nothing, by why.", "chain", "reason")
PAUSES = ("FOREIGN_NONCE", "FUNDS_BLOCKED")  # as transactions are blocked: these end when none is any more
Sending = tuple[Transaction, Attempt | None]  # with its latest attempt


@dataclass(frozen=True, slots=True)
class Work:
    """Index entries of what is due or soon will be, and the lanes on which something waits for a nonce."""

    due: Sequence[Row]
    queued: Sequence[str]

    def __bool__(self) -> bool:
        return bool(self.due or self.queued)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The rows of it: transactions with a nonce, all their attempts, and the lanes of everything.

    More than a few come without data and signed bytes: what is signed or sent goes through `load_full`."""

    rows: Sequence[Transaction]
    attempts: dict[str, list[Attempt]]
    lanes: Sequence[Lane]
    late: Sequence[str]  # ids without a nonce that are due


def find(chain: str) -> Work:
    """One wave of index reads, and one small read for each lane with a queue."""
    session = Session(resources.database().snapshot())
    before, next_lanes = resources.clock().now() + AHEAD, hints().next_lanes
    first, *pages = session.read_all([next_queue(chain, next_lanes.get(chain, "")), *due(before)])
    entries = [entry for page in pages for entry in _of_chain(session, chain, page, before)]
    queued: list[str] = []
    entry = first
    while entry and len(queued) < LANES_A_PASS:
        queued.append(entry[0]["queued_lane_id"])
        entry = session.one(next_queue(chain, queued[-1]))
    next_lanes[chain] = queued[-1] if entry else ""
    return Work(entries, queued)


def _of_chain(session: Session, chain: str, page: list[Row], before: datetime) -> list[Row]:
    """What a shard holds of a chain, up to a page, beyond what another one, its nodes being down, cannot finish."""
    entries = [entry for entry in page if entry["chain"] == chain]
    for _ in range(MOST_PAGES):
        if len(page) < DUE_PAGE or len(entries) >= DUE_PAGE:
            break
        page = session.one(due_after(page[-1], before))
        entries += [entry for entry in page if entry["chain"] == chain]
    return entries


def load(work: Work) -> Unfinished:
    """The rows behind the entries, in one wave. What is changing under the read is left to the next pass."""
    session = Session(resources.database().snapshot())
    waiting = [entry for entry in work.due if entry["state"] in QUEUED]
    prefixes: list[Key] = [(entry["transaction_id"],) for entry in work.due if entry["state"] not in QUEUED]
    names = {entry["lane_id"] for entry in work.due} | set(work.queued)
    few = len(prefixes) <= FULL_ROWS
    rows, all_attempts, lanes = session.read(
        TRANSACTIONS.get_many(prefixes) if few else glances(key[0] for key in prefixes),
        ATTEMPTS.below(prefixes) if few else attempt_glances(prefixes),
        LANES.get_many([(name,) for name in sorted(names)]),
    )
    attempts: dict[str, list[Attempt]] = {row.id: [] for row in rows}
    for attempt in all_attempts:
        if attempt.transaction_id in attempts:
            attempts[attempt.transaction_id].append(attempt)
    complete = [row for row in rows if len(attempts[row.id]) == row.attempt_count and not row.finalized]
    now = resources.clock().now()
    late = [entry["transaction_id"] for entry in waiting if entry["next_action_at"] <= now]
    return Unfinished(complete, attempts, lanes, late)


def load_full(wanted: Sequence[Sending]) -> Iterator[list[Sending]]:
    """These with all that they hold, in their order: at once when they were read so, else some at a time, as they are
    now. What got another attempt meanwhile is left to whoever made it."""
    if all(row.data is not UNREAD for row, _ in wanted):
        if wanted:
            yield list(wanted)
        return
    for start in range(0, len(wanted), FULL_ROWS):
        part = wanted[start : start + FULL_ROWS]
        rows, attempts = Session(resources.database().snapshot()).read(
            TRANSACTIONS.get_many((row.id,) for row, _ in part),
            ATTEMPTS.get_many((row.id, latest.k) for row, latest in part if latest),
        )
        now = {row.id: row for row in rows}
        signed = {attempt.transaction_id: attempt for attempt in attempts}
        same = (row.id for row, _ in part if row.id in now and now[row.id].attempt_count == row.attempt_count)
        yield [(now[one], signed.get(one)) for one in same]


def measure(chain: str, unfinished: Unfinished | None) -> None:
    """Set the gauges by what a pass has read anyway; None: there is nothing to do."""
    open_rows = [row for row in unfinished.rows if not row.terminal] if unfinished else []
    INFLIGHT.set(len(open_rows), chain=chain)
    INFLIGHT_OLDEST.set(_oldest(open_rows), chain=chain)
    PAYOUTS_OLDEST.set(_oldest([row for row in open_rows if row.is_payment]), chain=chain)
    for reason in PAUSES:
        paused = [lane for lane in unfinished.lanes if lane.paused_reason == reason] if unfinished else []
        LANES_PAUSED.set(len(paused), chain=chain, reason=reason)


def _oldest(rows: Sequence[Transaction]) -> float:
    """Seconds since the oldest of them was accepted; 0 when there are none."""
    oldest = min((row.created_at for row in rows), default=None)
    return (resources.clock().now() - oldest).total_seconds() if oldest else 0.0
