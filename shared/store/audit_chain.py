"""The audit log, sealed into one hash chain per shard.

A commit writes its audit rows without a hash, so that no commit waits for another. Later, the sealer chains closed
ranges in commit order: digest = SHA-256(previous digest ‖ the rows of the range). Each digest is also written to the
log, which the database cannot change: somebody who rewrites both rows and seals contradicts the log.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.store.session import Session
from shared.store.table import Table
from shared.store.tables.system import AUDIT, AUDIT_SHARDS, AuditRow

MARGIN: Final = timedelta(seconds=30)  # a range is closed when it is this old; clocks differ by less
STEP: Final = timedelta(hours=1)  # the longest range of one seal, except the first
EPOCH: Final = datetime(2020, 1, 1, tzinfo=UTC)
LATER: Final = frozenset({"session_id", "network", "details"})
GENESIS: Final = hashlib.sha256(b"audit").hexdigest()


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal of all rows of a shard that were committed in (since, until]."""

    shard: int
    seq: int  # starts at 1; the table lists the newest first
    since: datetime
    until: datetime
    rows: int
    previous: str
    digest: str
    sealed_at: datetime


SEALS = Table("audit_seals", Seal, ("shard", "seq"), descending=frozenset({"seq"}))


def between(session: Session, shard: int, since: datetime, until: datetime) -> list[AuditRow]:
    """A shard's rows in (since, until], oldest first (the table holds the newest first)."""
    rows = session.many(AUDIT.scan(shard, after=(until + timedelta(microseconds=1),), upto=(since,)))
    return [row for row in reversed(rows) if row.committed_at > since]


def digest(previous: str, rows: list[AuditRow]) -> str:
    """The digest of a range; `previous` is the digest of the range before it."""
    total = hashlib.sha256(previous.encode())
    for row in rows:
        total.update(line(row).encode() + b"\n")
    return total.hexdigest()


def line(row: AuditRow) -> str:
    """One row as canonical JSON. Empty columns that were added later are left out, so that older seals stay valid."""
    plain = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(row).items()
        if value is not None or name not in LATER
    }
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def seal(session: Session, shard: int, now: datetime) -> list[Seal]:
    """Write the seals that are due for a shard. An hour without rows gets an empty seal, so that the chain
    continues."""
    newest = session.many(SEALS.scan(shard, limit=1))
    last = newest[0] if newest else None
    since, seals = (last.until if last else EPOCH), list[Seal]()
    while now - MARGIN > since:
        until = now - MARGIN if last is None else min(now - MARGIN, since + STEP)
        rows = between(session, shard, since, until)
        if not rows and until - since < STEP:
            break
        before = last.digest if last else GENESIS
        number = last.seq + 1 if last else 1
        last = Seal(
            shard=shard,
            seq=number,
            since=since,
            until=until,
            rows=len(rows),
            previous=before,
            digest=digest(before, rows),
            sealed_at=now,
        )
        seals.append(last)
        since = until
    return seals


def verify(session: Session) -> tuple[datetime | None, list[str]]:
    """Check all seals. Returns (the time up to which every shard is sealed, the faults found). Reads the whole log."""
    problems: list[str] = []
    ends = []
    for shard in range(AUDIT_SHARDS):
        before, since = GENESIS, EPOCH
        chain: list[Seal] = session.many(SEALS.scan(shard))
        for one in reversed(chain):
            rows = between(session, shard, one.since, one.until)
            if one.previous != before or one.since != since:
                problems.append(f"shard {shard}: seal {one.seq} does not follow the one before it")
            if len(rows) != one.rows or digest(before, rows) != one.digest:
                problems.append(f"shard {shard}: the rows of {one.since} to {one.until} are not as sealed")
            before, since = one.digest, one.until
        ends.append(since)
    return (None if EPOCH in ends else min(ends)), problems


def exported(session: Session, since: datetime, until: datetime) -> Iterator[str]:
    """Rows of (since, until] as NDJSON lines in commit order; reads one hour at a time."""
    while since < until:
        end = min(until, since + STEP)
        rows = [row for shard in range(AUDIT_SHARDS) for row in between(session, shard, since, end)]
        yield from map(line, sorted(rows, key=lambda row: (row.committed_at, row.id)))
        since = end
