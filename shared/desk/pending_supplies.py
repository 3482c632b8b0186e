"""Which pending supplies to check next, because their events may be lost: a page of each shard, from the newest supply
to the oldest, then from the newest again.

A mark for each shard says how far earlier runs have come. So a run reaches every supply in its turn, however many newer
ones a silent chain keeps pending, and however few of them a run has time for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Final

from shared import resources
from shared.reads.by_status import SHARDS
from shared.store.port import Row, Write
from shared.store.session import Session
from shared.store.tables.supplies import SUPPLIES_BY_STATUS
from shared.store.tables.system import SWEEP_MARKS, SweepMark, sweep_marks

CHECK_AFTER: Final = timedelta(minutes=1)  # a supply that is pending for longer may have lost its event
BATCH: Final = 100  # supplies of each shard in one run, at least two
_NAME: Final = "pending_supplies"


@dataclass
class CheckRound:
    """The supplies of one run: a page of each shard, and the marks as they are stored."""

    began: datetime
    pages: list[list[Row]]
    marks: dict[int, SweepMark]

    def parts(self, size: int) -> Iterator[list[str]]:
        """The ids, `size` at a time (at least as many as there are shards), from all shards by turns. The marks move
        past a part before it is returned: a run that ends there is continued after it."""
        by_turns = [
            (shard, entry)
            for row in zip_longest(*self.pages)
            for shard, entry in enumerate(row)
            if entry is not None
        ]
        passed = [0] * SHARDS
        for start in range(0, max(1, len(by_turns)), size):
            part = by_turns[start : start + size]
            for shard, _ in part:
                passed[shard] += 1
            self._mark(passed)
            yield [entry["supply_id"] for _, entry in part]

    def _mark(self, passed: list[int]) -> None:
        """Store marks after so many supplies of each page. A shard that has come to its oldest supply has no mark."""
        writes: list[Write] = []
        for shard, (page, count) in enumerate(zip(self.pages, passed, strict=True)):
            if count == len(page) < BATCH:
                if shard in self.marks:
                    writes.append(SWEEP_MARKS.delete(self.marks.pop(shard)))
            elif count:
                self.marks[shard] = SweepMark(_NAME, shard, _end(page, count), self.began)
                writes.append(SWEEP_MARKS.write("upsert", self.marks[shard]))
        if writes:
            resources.database().write(writes)


def next_round(now: datetime) -> CheckRound:
    """The supplies that have been pending for longer than a minute, from where the run before has ended."""
    session = Session(resources.database().snapshot())
    stored = session.many(sweep_marks(_NAME, SHARDS))
    marks = {mark.shard: mark for mark in stored}
    before = {shard: marks[shard].mark if shard in marks else now - CHECK_AFTER for shard in range(SHARDS)}
    scans = [
        SUPPLIES_BY_STATUS.scan(shard, "pending", after=(time,), limit=BATCH)
        for shard, time in before.items()
    ]
    return CheckRound(now, session.read_all(scans), marks)


def _end(page: list[Row], count: int) -> datetime:
    """The time before which the supplies after the first `count` were created. If the next one may be of the same time
    as the last, both are looked at again."""
    last: datetime = page[count - 1]["created_at"]
    apart = count < len(page) and page[count]["created_at"] < last
    return last if apart else last + timedelta(microseconds=1)
