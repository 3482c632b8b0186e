"""Make two copies of one embedded store, add many more rows to one of them, and measure both in turns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from shared import resources
from shared.runtime.sqlite_file import SqliteFile
from shared.store.sqlite import database as sqlite
from tests.support.bench import Bench, Ready, timed
from tests.support.bench_record import Chart

FEW = 1_000
MOST = 1.3  # times the duration with FEW rows
AT_ONCE = 100_000  # rows per statement
WARM = 3
# Spread the ids, so that rows land where real ones would: in the middle of the table. {i} is the row's
# number.
SPREAD = "printf('%08x', ({i} * 2654435761) % 4294967296) || printf('%015d', {i})"


class Copies(Protocol):
    """Rows to insert: each is the table's row at `where` with `changes` to its columns, as SQL, with {i} for its
    number."""

    table: str
    where: str
    changes: Mapping[str, str]


class Subject(Copies, Protocol):
    """The work that is measured with a number of such rows. `ready` prepares one call on the store in use, untimed;
    `name` identifies the store."""

    what: str
    rounds: int

    def ready(self, name: str, file: SqliteFile) -> Ready: ...


def multiply(file: SqliteFile, copies: Copies, first: int, last: int) -> None:
    """Insert rows with these numbers, by one statement for each hundred thousand: 10⁶ rows take seconds."""
    connection = file.connect()
    try:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_xinfo({copies.table})") if row[6] == 0]
        chosen = ", ".join(copies.changes.get(name, f'o."{name}"').replace("{i}", "n.i") for name in columns)
        names = ", ".join(f'"{name}"' for name in columns)
        for start in range(first, last, AT_ONCE):
            connection.execute(
                f"WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?) "  # noqa: S608
                f"INSERT INTO {copies.table} ({names}) SELECT {chosen} FROM n, "
                f"(SELECT * FROM {copies.table} WHERE {copies.where} LIMIT 1) o",
                (start, min(start + AT_ONCE, last)),
            )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def measure(
    bench: Bench, subjects: Sequence[Subject], template: Path, sizes: Sequence[int], chart: Chart
) -> None:
    """Add a point to the chart for each size, and compare the last one with a store with FEW rows, in turns. The
    subjects share the same rows."""
    rows = subjects[0]
    with _stores(template) as stores:
        for store in stores.values():
            multiply(store.file, rows, 0, FEW)
        grown = FEW
        for size in sizes:
            multiply(stores["many"].file, rows, grown, size)
            grown = max(grown, size)
            for subject in subjects:
                times = _by_turns(bench, subject, stores, size)
                bench.point(chart, subject.what, size, times["many"])
                if size == sizes[-1]:
                    what = f"{subject.what} with {grown:,} rows"
                    ours, few = times["many"], times["few"]
                    bench.compared(what, ours, few, than=f"{FEW:,}", unit="ms", most=MOST)


def _by_turns(
    bench: Bench, subject: Subject, stores: Mapping[str, sqlite.SqliteDatabase], size: int
) -> dict[str, list[float]]:
    """Milliseconds of each round, by store."""
    times: dict[str, list[float]] = {name: [] for name in stores}
    for number in range(subject.rounds + WARM):
        for name in stores if number % 2 else reversed(list(stores)):
            with resources.override(database=stores[name]):
                took = timed(subject.ready(name, stores[name].file))
            if number >= WARM:
                times[name].append(took * 1e3)
        bench.progress(f"{subject.what} with {size:,} rows", number, subject.rounds + WARM)
    return times


@contextmanager
def _stores(template: Path) -> Iterator[dict[str, sqlite.SqliteDatabase]]:
    stores = {}
    for name in ("few", "many"):
        path = template.with_name(f"{name}.sqlite")
        with sqlite3.connect(template) as source, sqlite3.connect(path) as copy:
            source.backup(copy)
        stores[name] = sqlite.connect(path)
    try:
        yield stores
    finally:
        for store in stores.values():
            store.file.close()
            for path in store.file.path.parent.glob(f"{store.file.path.name}*"):
                path.unlink()


def execute(file: SqliteFile, sql: str, *values: object) -> list[tuple[object, ...]]:
    """The rows that one of the benchmark's own statements returns."""
    with file.writing() as connection:
        return connection.execute(sql, values).fetchall()
