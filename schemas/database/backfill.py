"""Fill columns of existing rows:

    python -m schemas.database.backfill [--batch N] [--pause SECONDS] [MODULE]


A migration adds a column, and the code of that release writes it. Once no older code runs, a backfill fills the older
rows. It walks the table by key, with some rows per transaction; the same commit moves the mark in `schema_progress`.
So it may be killed at any point and restarted, or run twice at the same time: no row is left out, and a row that was
changed in the meantime is read in its new state.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from schemas.database.migration_files import PROGRESS
from shared.store.port import COMMIT_TIMESTAMP, Database, Key, Read, Row, StoreTransaction, Write
from shared.store.table import Table, key_range

_log = logging.getLogger(__name__)
BATCH = 200


@dataclass(frozen=True)
class Backfill:
    """`fill` gets a row's key and `columns` by name, and returns the columns to set, or None to leave the row.

    It must be pure, and return the same for a row that it has already filled, because a batch may run again."""

    name: str
    table: Table[Any]
    columns: tuple[str, ...]
    fill: Callable[[Row], Row | None]


@dataclass(frozen=True, slots=True)
class Mark:
    """The progress of a backfill: `after` is the last processed key."""

    after: Key | None = None
    done: bool = False
    rows: int = 0


def run(database: Database, backfill: Backfill, *, batch: int = BATCH, pause: float = 0.0) -> Mark:
    """Fill up to the table's end, starting where an earlier run stopped."""
    while True:
        mark, _ = database.transact(lambda transaction: step(transaction, backfill, batch))
        _log.info("backfilled", extra={"backfill": backfill.name, "count": mark.rows, "done": mark.done})
        if mark.done:
            return mark
        time.sleep(pause)


def step(transaction: StoreTransaction, backfill: Backfill, batch: int) -> Mark:
    """Fill one batch of rows after the mark, and move the mark, in one commit."""
    progress = Read("schema_progress", ("position", "done", "rows"), keys=((f"backfill:{backfill.name}",),))
    mark = _mark(transaction.read(progress)[0])
    if mark.done:
        return mark
    key, table = backfill.table.key_columns, backfill.table.name
    columns = tuple(dict.fromkeys((*key, *backfill.columns)))
    span = key_range((), mark.after, ())
    rows = transaction.read(Read(table, columns, span=span, limit=batch))[0]
    filled = [(row, backfill.fill(row)) for row in rows]
    writes = [_update(table, key, row, values) for row, values in filled if values]
    after = tuple(rows[-1][name] for name in key) if rows else mark.after
    moved = Mark(after, len(rows) < batch, mark.rows + len(rows))
    position = json.dumps([_plain(value) for value in after or ()])
    values = (f"backfill:{backfill.name}", position, moved.done, moved.rows, COMMIT_TIMESTAMP)
    transaction.buffer([*writes, Write("upsert", "schema_progress", PROGRESS, values)])
    return moved


def _update(table: str, key: tuple[str, ...], row: Row, values: Row) -> Write:
    whole = {**{name: row[name] for name in key}, **values}
    return Write("update", table, tuple(whole), tuple(whole.values()))


def _mark(rows: list[Row]) -> Mark:
    if not rows:
        return Mark()
    after = tuple(_value(value) for value in json.loads(rows[0]["position"]))
    return Mark(after or None, rows[0]["done"], rows[0]["rows"])


def _plain(value: Any) -> Any:
    return {"time": value.isoformat()} if isinstance(value, datetime) else value


def _value(value: Any) -> Any:
    return datetime.fromisoformat(value["time"]) if isinstance(value, dict) else value


def main(arguments: list[str]) -> int:
    """Run every backfill that MODULE declares in BACKFILLS, in order."""
    from shared import resources
    from shared.telemetry import logs

    parser = argparse.ArgumentParser(prog="python -m schemas.database.backfill")
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two batches")
    parser.add_argument("module", nargs="?", default="schemas.database.backfills")
    options = parser.parse_args(arguments)
    logs.configure()
    declared: tuple[Backfill, ...] = importlib.import_module(options.module).BACKFILLS
    for backfill in declared:
        mark = run(resources.database(), backfill, batch=options.batch, pause=options.pause)
        sys.stdout.write(f"{backfill.name}: {mark.rows} rows looked at\n")
    if not declared:
        sys.stdout.write("nothing to fill\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
