"""Workarounds for the Spanner emulator: limited reads of a long list, and one read-write transaction at a time.

`LimitedReads`: the emulator reads a whole key range before it applies the limit, so a page of a long list costs as
much as the list (100 of 100,000 entries: 170 ms; with the right range: 3 ms). Spanner itself stops at the limit. This
class splits such a read of a newest-first index into reads of growing time ranges, until there are enough rows. It
remembers the needed range for each list.

`EmulatorQueue`: the emulator aborts a second read-write transaction of a database; in a fair queue they wait instead.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from shared.runtime.fair_queue import FairQueue
from shared.store.port import Key, Read, Row
from shared.store.table import INDEXES

GROWTH: Final = 16
STEPS: Final = 7  # from one second to eight years; then the whole range
COLUMN: Final = "created_at"
REMEMBERED: Final = 10_000
Place = tuple[str | None, Key, bool]  # (index, prefix, whether it is the list's first page)


@dataclass(frozen=True, slots=True)
class _Reach:
    """The end of the last first page (None: it contained the whole list), and the time range of a page."""

    end: datetime | None
    span: timedelta


class LimitedReads:
    """Limits reads to narrow key ranges. Safe for threads."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._known: dict[Place, _Reach] = {}
        self._lock = threading.Lock()

    def rows(self, read: Read, run: Callable[[Read], list[Row]]) -> list[Row]:
        """The read's rows, requested in key ranges as narrow as possible."""
        span = read.span
        if span is None or not read.limit or not self._applies(read):
            return run(read)
        prefix = tuple(span.end)
        first = len(span.start) == len(prefix)
        place = (read.index, prefix, first)
        rows: list[Row] = []
        part = span
        for end in self._ends(place, None if first else span.start[len(prefix)]):
            part = replace(part, end=(*prefix, end))
            rows += run(replace(read, span=part, limit=read.limit - len(rows)))
            if len(rows) == read.limit:
                break
            part = replace(part, start=part.end, start_open=True)
        else:
            rows += run(replace(read, span=replace(part, end=prefix), limit=read.limit - len(rows)))
        self._remember(place, rows, full=len(rows) == read.limit)
        return rows

    def _applies(self, read: Read) -> bool:
        index = INDEXES.get(read.index or "")
        if index is None or COLUMN not in index.descending or COLUMN not in read.columns or read.span is None:
            return False
        at = index.key.index(COLUMN)
        return len(read.span.end) == at and read.span.start[:at] == read.span.end and not read.span.end_open

    def _ends(self, place: Place, base: datetime | None) -> Iterator[datetime]:
        """The ends of the successive reads, going back in time; none if the list is known to be short."""
        known = self._known.get(place)
        span = known.span if known else timedelta(seconds=1)
        nearest = (base or self._now()) - span
        if base is None and known:
            if known.end is None:
                return
            nearest = known.end
        for step in range(STEPS):
            try:
                yield nearest - span * (GROWTH**step - 1)
            except OverflowError:
                return

    def _remember(self, place: Place, rows: list[Row], *, full: bool) -> None:
        if not full and not place[2]:
            return  # a last page does not predict the size of other pages
        span, end = timedelta(seconds=1), None
        if full:
            older = rows[len(rows) // 2][COLUMN] - rows[-1][COLUMN]  # the newer half may be much newer
            span = max(4 * older, timedelta(milliseconds=1))
            end = rows[-1][COLUMN] - older
        with self._lock:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[place] = _Reach(end, span)


class EmulatorQueue(FairQueue):
    """The queue that all processes of this machine share for one emulator database."""

    def __init__(self, name: str) -> None:
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        super().__init__(Path(tempfile.gettempdir()) / f"spanner-queue-{digest}.lock")
