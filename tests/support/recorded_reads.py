"""A database that notes what its snapshots read."""

from __future__ import annotations

from typing import Any

from shared.store.port import Database, Read, Reader, Row


class RecordedReads:
    """Passes everything on; `reads` are those of snapshots."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.reads: list[Read] = []
        self._together: list[tuple[Read, ...]] = []

    def snapshot(self, **options: Any) -> Reader:
        inner, reads, together = self._inner.snapshot(**options), self.reads, self._together

        class Snapshot:
            def read(self, *wanted: Read) -> list[list[Row]]:
                reads.extend(wanted)
                together.append(wanted)
                return inner.read(*wanted)

        return Snapshot()

    def round_trips(self, table: str) -> int:
        """How many reads that were sent together contain one of this table."""
        return sum(any(one.table == table for one in wanted) for wanted in self._together)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def rows_with(reads: list[Read], table: str, column: str) -> int:
    """The most rows of a table that one of the reads by key returned with a column."""
    return max(
        (len(one.keys) for one in reads if one.table == table and column in one.columns and not one.index),
        default=0,
    )
