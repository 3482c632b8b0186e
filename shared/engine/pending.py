"""Find the unfinished work of a chain. Each pass reads it from the database, so that a crash loses nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared import resources
from shared.domain.transactions.lanes import Lane
from shared.domain.transactions.transactions import SETTLEMENT_TENANT, Attempt, Transaction
from shared.engine.chain_view import ChainView
from shared.engine.process_hints import MAX_QUEUED_LANES, hints
from shared.store.partial_rows import UNREAD
from shared.store.port import Key, Row
from shared.store.session import Session
from shared.store.table import Query
from shared.store.tables.transactions import (
    ATTEMPTS,
    ENDED,
    LANE_SHARDS,
    LANES,
    LEASES,
    MINED,
    TRANSACTIONS,
    Lease,
    attempt_glances,
    glances,
    in_blocks,
    next_queue,
    unmined,
)
from shared.telemetry import metrics

SKEW = timedelta(minutes=2)  # between clocks, and between the start of a transaction's body and its commit
AHEAD = timedelta(seconds=75)  # longer than any delay of a non-final row: each pass reads it
FULL_ROWS = 32  # rows that a pass holds with their data and signed bytes, each a hundred kilobytes or more
QUEUED = ("held", "accepted")  # states without a nonce
INFLIGHT = metrics.gauge("wallet_inflight_transactions", "With a nonce and in no block.", "chain")
INFLIGHT_OLDEST = metrics.gauge(
    "wallet_inflight_oldest_seconds", "Since the oldest without an outcome was accepted.", "chain"
)
PAYOUTS_OLDEST = metrics.gauge(
    "wallet_payouts_oldest_seconds", "Since the oldest payout without an outcome was accepted.", "chain"
)
LANES_PAUSED = metrics.gauge("wallet_lanes_paused", "Addresses that send nothing, by why.", "chain", "reason")
UNVISITED = metrics.gauge(
    "wallet_bucket_unvisited_seconds",
    "Of buckets with something to do, since the longest was looked into.",
    "chain",
)
HEAD_AGE = metrics.gauge(
    "wallet_chain_head_seconds", "Since the newest block that nodes show; while something waits.", "chain"
)
PAUSES = ("FOREIGN_NONCE", "FUNDS_BLOCKED")  # end when no transaction is blocked by the same reason
Sending = tuple[Transaction, Attempt | None]  # with its latest attempt


@dataclass(frozen=True, slots=True)
class Work:
    """The work in a bucket of lanes: index entries of transactions that no block contains, the lanes with transactions
    that wait for a nonce, and the oldest entry of transactions in blocks, without an outcome and with one. `lease` is
    what the last visit has stored; None before the first visit."""

    bucket: int
    lease: Lease | None
    due: Sequence[Row]
    queued: Sequence[str]
    mined: Sequence[Row]
    ended: Sequence[Row]

    @property
    def visited(self) -> datetime | None:
        """When the last successful visit ended for all processes, or will end; None before the first visit."""
        return (self.lease.failing_since or self.lease.held_until) if self.lease else None

    def rests(self, now: datetime) -> bool:
        """Whether the bucket is left alone now because its visits fail."""
        return bool(self.lease and self.lease.failing_since and self.lease.held_until > now)

    def idle(self, view: ChainView | None, since: datetime) -> bool:
        """Whether a visit would find nothing to send or to prove and only watch blocks, and the last one succeeded and
        ended after `since`."""
        if self.due or self.queued or self.lease is None or self.lease.failing_since:
            return False
        stages = ((self.mined, view.confirmed), (self.ended, view.finalized)) if view else ()
        deep = any(entries and entries[0]["mined_block_number"] <= height + 1 for entries, height in stages)
        return not deep and self.lease.held_until > since

    def floor(self, lowest_new: int | None) -> int | None:
        """A block below everything of the bucket that is in blocks; `lowest_new` is the lowest block recorded since."""
        known = [entries[0]["mined_block_number"] for entries in (self.mined, self.ended) if entries]
        known += [] if lowest_new is None else [lowest_new]
        return min(known) - 1 if known else None

    def __bool__(self) -> bool:
        return bool(self.due or self.queued or self.mined or self.ended)


@dataclass(frozen=True, slots=True)
class Marks:
    """Where the entries of each bucket's indexes start, as found by the last pass of this run. The database keeps
    deleted entries for hours and would read through them in every pass. A run starts without marks, so that an entry
    added below a mark (a receipt that nodes had hidden) waits for the next run at most."""

    due: dict[int, datetime] = field(default_factory=dict)
    below: dict[tuple[int, int], int] = field(default_factory=dict)  # by (bucket, stage): a block

    def move(self, work: Work, now: datetime) -> None:
        """Update the marks of a bucket. Everything written from now on is due later than `now`, except
        for clock skew."""
        oldest = min((entry["next_action_at"] for entry in work.due), default=now)
        self.due[work.bucket] = min(oldest, now) - SKEW
        for stage, entries in ((MINED, work.mined), (ENDED, work.ended)):
            if entries:
                self.below[work.bucket, stage] = entries[0]["mined_block_number"] - 1


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The rows of the work: transactions with a nonce, all their attempts, and all lanes.

    More than FULL_ROWS of them are read without data and signed bytes; use `load_full` to sign or send them."""

    rows: Sequence[Transaction]
    attempts: dict[str, list[Attempt]]
    lanes: Sequence[Lane]
    late: Sequence[str]  # ids of due transactions without a nonce

    def of_lane(self, lane_id: str) -> list[Transaction]:
        return [row for row in self.rows if row.lane_id == lane_id]


NOTHING = Unfinished((), {}, (), ())


def find(chain: str, marks: Marks | None = None) -> list[Work]:
    """The buckets that have work. Costs one wave of index reads, plus one small wave per lane of the bucket with the
    most queued lanes. `marks` limits the reads and is updated."""
    session, marks = Session(resources.database().snapshot()), marks or Marks()
    now, buckets = resources.clock().now(), range(LANE_SHARDS)
    entries = (
        query
        for bucket in buckets
        for query in (
            unmined(chain, bucket, now + AHEAD, marks.due.get(bucket)),
            in_blocks(chain, bucket, MINED, after=marks.below.get((bucket, MINED), -1), limit=1),
            in_blocks(chain, bucket, ENDED, after=marks.below.get((bucket, ENDED), -1), limit=1),
        )
    )
    names = [bucket_lease(chain, bucket) for bucket in buckets]
    leases, *found = session.read_all([LEASES.get_many((name,) for name in names), *entries])
    by_name = {lease.name: lease for lease in leases}
    queued = _queued(session, chain)
    works = [
        Work(
            bucket,
            by_name.get(name),
            found[3 * bucket],
            queued[bucket],
            *found[3 * bucket + 1 : 3 * bucket + 3],
        )
        for bucket, name in zip(buckets, names, strict=True)
    ]
    for work in works:
        marks.move(work, now)
    return [work for work in works if work]


def bucket_lease(chain: str, bucket: int) -> str:
    """The name of the lease of a bucket."""
    return f"tick:{chain}:{bucket}"


def _queued(session: Session, chain: str) -> list[list[str]]:
    """The lanes of each bucket on which transactions are queued. If there are more than a pass takes, the next pass
    continues after them."""
    next_lanes, buckets = hints().next_lanes, range(LANE_SHARDS)
    lanes: list[list[str]] = [[] for _ in buckets]
    behind = {bucket: next_lanes.pop((chain, bucket), "") for bucket in buckets}
    while behind:
        unfinished = list(behind)
        entries = session.read_all(next_queue(chain, bucket, behind[bucket]) for bucket in unfinished)
        behind = {}
        for bucket, entry in zip(unfinished, entries, strict=True):
            if entry:
                lanes[bucket].append(entry[0]["queued_lane_id"])
                if len(lanes[bucket]) < MAX_QUEUED_LANES:
                    behind[bucket] = lanes[bucket][-1]
                else:
                    next_lanes[chain, bucket] = lanes[bucket][-1]
    return lanes


def load(work: Work) -> Unfinished:
    """Read the rows behind the entries, in one wave. Rows that change during the read are left to the next pass."""
    session = Session(resources.database().snapshot())
    waiting = [entry for entry in work.due if entry["state"] in QUEUED]
    ids = [entry["transaction_id"] for entry in work.due if entry["state"] not in QUEUED]
    names = {entry["lane_id"] for entry in work.due} | set(work.queued)
    lanes, *found = session.read_all([LANES.get_many([(name,) for name in sorted(names)]), *_reads(ids)])
    rows, attempts = _complete(*found)
    now = resources.clock().now()
    late = [entry["transaction_id"] for entry in waiting if entry["next_action_at"] <= now]
    return Unfinished(rows, attempts, lanes, late)


def load_rows(entries: Sequence[Row]) -> tuple[list[Transaction], dict[str, list[Attempt]]]:
    """The rows behind index entries, with all their attempts."""
    session = Session(resources.database().snapshot())
    return _complete(*session.read_all(_reads([entry["transaction_id"] for entry in entries])))


def _reads(ids: Sequence[str]) -> list[Query[Any]]:
    prefixes: list[Key] = [(one,) for one in ids]
    if len(ids) <= FULL_ROWS:
        return [TRANSACTIONS.get_many(prefixes), ATTEMPTS.below(prefixes)]
    return [glances(ids), attempt_glances(prefixes)]


def _complete(
    rows: Sequence[Transaction], all_attempts: Sequence[Attempt]
) -> tuple[list[Transaction], dict[str, list[Attempt]]]:
    attempts: dict[str, list[Attempt]] = {row.id: [] for row in rows}
    for attempt in all_attempts:
        if attempt.transaction_id in attempts:
            attempts[attempt.transaction_id].append(attempt)
    complete = [row for row in rows if len(attempts[row.id]) == row.attempt_count and not row.finalized]
    return complete, attempts


def load_full(wanted: Sequence[Sending]) -> Iterator[list[Sending]]:
    """Yield these transactions with their data and bytes, in order: all at once if they were read with them, otherwise
    in parts, freshly read. A transaction with a new attempt is left to the process that made it."""
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


def measure(
    chain: str, works: Sequence[Work], loaded: Sequence[Unfinished], left: Sequence[Work], head: int | None
) -> None:
    """Set the gauges from what a pass has read: the work it found and loaded, the buckets that it left to others or to
    the next pass, and the timestamp of the newest block."""
    now = resources.clock().now()
    unvisited = [(now - work.visited).total_seconds() for work in left if work.visited is not None]
    UNVISITED.set(max([0.0, *unvisited]), chain=chain)
    if head is not None or not works:
        HEAD_AGE.set(max(0.0, now.timestamp() - head) if head is not None else 0.0, chain=chain)
    rows = [row for unfinished in loaded for row in unfinished.rows if not row.terminal]
    mined = [entry for work in works for entry in work.mined]
    began = [row.created_at for row in rows] + [entry["created_at"] for entry in mined]
    payouts = [row.created_at for row in rows if row.is_payment]
    payouts += [entry["created_at"] for entry in mined if entry["tenant"] == SETTLEMENT_TENANT]
    INFLIGHT.set(sum(entry["state"] not in QUEUED for work in works for entry in work.due), chain=chain)
    INFLIGHT_OLDEST.set(_age(began), chain=chain)
    PAYOUTS_OLDEST.set(_age(payouts), chain=chain)
    for reason in PAUSES:
        paused = [lane for unfinished in loaded for lane in unfinished.lanes if lane.paused_reason == reason]
        LANES_PAUSED.set(len(paused), chain=chain, reason=reason)


def _age(moments: Sequence[datetime]) -> float:
    """Seconds since the earliest time; 0 if there are none."""
    return (resources.clock().now() - min(moments)).total_seconds() if moments else 0.0
