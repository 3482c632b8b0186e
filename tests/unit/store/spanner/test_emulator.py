"""Narrowed reads return the same as the whole read, and scan few rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.store.port import Read, Row
from shared.store.spanner.emulator import LimitedReads
from shared.store.tables.orders import ORDERS_BY_OWNER

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass
class Emulator:
    """Rows of one user, newest first; counts the rows that each read scans."""

    ages: list[float]
    looked_at: list[int] = field(default_factory=list)

    def run(self, read: Read) -> list[Row]:
        assert read.span is not None
        keys = sorted((-age, f"ord_{number}") for number, age in enumerate(self.ages))
        rows = [{"created_at": NOW + timedelta(seconds=at), "order_id": one} for at, one in reversed(keys)]
        rows.sort(key=lambda row: (-row["created_at"].timestamp(), row["order_id"]))
        within = [row for row in rows if self.holds(read, row)]
        self.looked_at.append(len(within))
        return within[: read.limit]

    @staticmethod
    def holds(read: Read, row: Row) -> bool:
        assert read.span is not None
        key = (-row["created_at"].timestamp(), row["order_id"])
        start = tuple(-v.timestamp() if isinstance(v, datetime) else v for v in read.span.start[2:])
        end = tuple(-v.timestamp() if isinstance(v, datetime) else v for v in read.span.end[2:])
        head = key[: len(start)]
        return (head > start if read.span.start_open else head >= start) and key[: len(end)] <= end


@given(st.lists(st.floats(-100, 10**9).map(lambda age: round(age, 6)), max_size=60), st.integers(1, 20))
def test_pages_are_those_of_the_whole_range(ages: list[float], limit: int) -> None:
    reads, emulator = LimitedReads(lambda: NOW), Emulator(ages)
    after = None
    for _ in range(4):
        read = ORDERS_BY_OWNER.scan("usr", False, after=after, limit=limit).read
        found = reads.rows(read, emulator.run)
        assert found == emulator.run(read)
        if not found:
            break
        after = (found[-1]["created_at"], found[-1]["order_id"])


def test_a_count_reads_keys_alone() -> None:
    reads, emulator = LimitedReads(lambda: NOW), Emulator([number / 10 for number in range(50)])
    query = ORDERS_BY_OWNER.counted("usr", False, limit=20)

    def keys(read: Read) -> list[Row]:
        return [{name: row[name] for name in read.columns} for row in emulator.run(read)]

    assert query.answer(reads.rows(query.read, keys)) == 20


def test_a_dense_list_is_not_read_as_a_whole() -> None:
    reads, emulator = LimitedReads(lambda: NOW), Emulator([number / 10 for number in range(10_000)])
    read = ORDERS_BY_OWNER.scan("usr", False, limit=100).read
    for _ in range(2):
        emulator.looked_at.clear()
        assert len(reads.rows(read, emulator.run)) == 100
    assert sum(emulator.looked_at) < 300


def test_a_short_list_takes_one_read_once_that_is_known() -> None:
    reads, emulator = LimitedReads(lambda: NOW), Emulator([5.0, 10.0**7])
    read = ORDERS_BY_OWNER.scan("usr", False, limit=100).read
    for _ in range(2):
        emulator.looked_at.clear()
        assert len(reads.rows(read, emulator.run)) == 2
    assert emulator.looked_at == [2]


def test_a_dense_list_of_long_ago_is_narrowed_once_it_is_known() -> None:
    reads, emulator = LimitedReads(lambda: NOW), Emulator([10**6 + number / 10 for number in range(10_000)])
    read = ORDERS_BY_OWNER.scan("usr", False, limit=100).read
    first = reads.rows(read, emulator.run)
    emulator.looked_at.clear()
    assert reads.rows(read, emulator.run) == first
    assert sum(emulator.looked_at) < 300
    emulator.looked_at.clear()
    after = (first[-1]["created_at"], first[-1]["order_id"])
    following = reads.rows(ORDERS_BY_OWNER.scan("usr", False, after=after, limit=100).read, emulator.run)
    assert len(following) == 100
    assert sum(emulator.looked_at) < 300
