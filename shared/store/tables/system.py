"""The rows that accompany every mutation: outbox, event feed, inbox, operation record, audit, dead letters."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.store.table import Index, Query, Table

# The shards that are read, and the shards over which new rows are spread. Never spread over more than the previous
# release reads (docs/delivery.md#shards).
OUTBOX_SHARDS = OUTBOX_WRITTEN = 16
OUTBOX_BEGINS = datetime.fromisoformat("2020-01-01T00:00:00+00:00")  # before any event
AUDIT_SHARDS = AUDIT_WRITTEN = 16
TIMER_SHARDS = TIMER_WRITTEN = 16


def shard_of(text: str, shards: int) -> int:
    """Assign a text to a shard, always the same one, so that a key never starts with a commit timestamp."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big") % shards


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An event that has not reached Pub/Sub yet; the row is deleted after publishing."""

    shard: int
    committed_at: Any  # a datetime; while writing, the commit-timestamp marker
    ord: int
    id: str
    topic: str
    envelope: dict[str, Any]
    failures: int


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An event in the feed of one user, in commit order."""

    user_id: str
    committed_at: Any
    ord: int
    id: str
    type: str
    subject: str
    envelope: dict[str, Any]


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A record that a consumer has applied an event; the commit that inserts it contains the effects."""

    consumer: str
    event_id: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class OperationRecord:
    """The record of a mutation: its key, the request, and the answer to replay (kept at least 48 h)."""

    principal: str
    key: str
    operation: str
    fingerprint: str
    status: int
    etag: str | None
    body: str = field(repr=False)
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Who did what; append-only."""

    shard: int
    committed_at: Any
    id: str
    actor: str
    action: str
    resource: str | None
    request_id: str
    causation_id: str | None
    events: list[str]
    happened_at: datetime
    session_id: str | None = None  # of the sign-in or the API key
    network: str | None = None
    details: dict[str, Any] | None = None  # of a security-relevant change: before, after, reason


@dataclass(frozen=True, slots=True)
class Timer:
    """A reminder to check `subject` again. It is only a hint; its handler decides from the aggregate."""

    shard: int
    due_at: datetime
    kind: str
    subject: str


@dataclass(frozen=True, slots=True)
class SweepMark:
    """The point that a sweep has come to. The outbox's starts there, because deleted versions pile up in Spanner before
    it; the one of pending supplies starts there because it may not have had time for all of them."""

    name: str
    shard: int
    mark: datetime
    full_scan_at: datetime


REASON_LIMIT = 1000  # characters of a dead letter's reason


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be handled, with the reason and its original content."""

    id: str
    consumer: str
    topic: str
    reason: str
    body: str = field(repr=False)
    attributes: dict[str, str]
    status: str  # new, redriven
    version: int
    created_at: datetime
    updated_at: datetime


OUTBOX = Table("outbox", OutboxRow, ("shard", "committed_at", "ord", "id"), documents=frozenset({"envelope"}))
FEED = Table("events", FeedEvent, ("user_id", "committed_at", "ord", "id"), documents=frozenset({"envelope"}))
INBOX = Table("inbox", InboxRow, ("event_id", "consumer"))
OPERATIONS = Table("operations", OperationRecord, ("principal", "key"))
TIMERS = Table("timers", Timer, ("shard", "due_at", "kind", "subject"))
SWEEP_MARKS = Table("sweep_marks", SweepMark, ("name", "shard"))
AUDIT = Table(  # newest first
    "audit",
    AuditRow,
    ("shard", "committed_at", "id"),
    documents=frozenset({"events", "details"}),
    descending=frozenset({"committed_at"}),
)
DEAD_LETTERS = Table("dead_letters", DeadLetter, ("id",), documents=frozenset({"attributes"}))
DEAD_LETTERS_BY_TIME = Index(
    "dead_letters_by_time", DEAD_LETTERS, ("status", "created_at", "id"), descending=frozenset({"created_at"})
)


def sweep_marks(name: str, shards: int) -> Query[list[SweepMark]]:
    """The marks of a sweep's shards, of those that have one."""
    return SWEEP_MARKS.get_many([(name, shard) for shard in range(shards)])


def dead_letter(
    identity: str,
    *,
    consumer: str,
    topic: str,
    reason: str,
    body: str,
    attributes: dict[str, str],
    now: datetime,
) -> DeadLetter:
    """A new dead letter. A reason that is too long is cut."""
    return DeadLetter(
        id=identity,
        consumer=consumer,
        topic=topic,
        reason=reason[:REASON_LIMIT],
        body=body,
        attributes=attributes,
        status="new",
        version=1,
        created_at=now,
        updated_at=now,
    )


def timer(kind: str, subject: str, due_at: datetime) -> Timer:
    """A reminder for `subject`, in a shard derived from it."""
    return Timer(shard_of(subject, TIMER_WRITTEN), due_at, kind, subject)
