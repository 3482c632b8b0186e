"""The embedded store: every index serves every range, migrations keep rows, data survives processes and forks."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from emulators.toolkit import ROOT
from schemas.database import ddl, embedded
from schemas.database.migration_files import ChangedMigrationError, Migration
from shared.runtime import operation
from shared.runtime.context import Context, deadline_in, running
from shared.store.port import ConstraintViolation, KeyRange, MissingRow, Read, Unavailable, Write
from shared.store.sqlite import database as sqlite
from shared.store.sqlite import schema
from shared.store.sqlite.database import SqliteDatabase
from shared.store.table import INDEXES, TABLES

FIRST = Migration.of(
    "0001_first",
    """CREATE TABLE things (id STRING(8) NOT NULL, n INT64 AS (IF(m > 0, m, NULL)) STORED, m INT64,
  CONSTRAINT small CHECK (m < 100)) PRIMARY KEY (id);
CREATE NULL_FILTERED INDEX things_by_n ON things (n);
CREATE TABLE parts (id STRING(8) NOT NULL, part INT64 NOT NULL) PRIMARY KEY (id, part),
  INTERLEAVE IN PARENT things ON DELETE CASCADE;""",
)
SECOND = Migration.of(
    "0002_second",
    """ALTER TABLE things ADD COLUMN note STRING(4);
ALTER TABLE things DROP CONSTRAINT small;
ALTER TABLE things ADD CONSTRAINT smaller CHECK (m < 10);
DROP INDEX things_by_n;
CREATE INDEX things_by_note ON things (note) STORING (m);""",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
def whole(path: Path) -> Iterator[SqliteDatabase]:
    embedded.apply(path, durability="OFF")
    made = sqlite.connect(path, durability="OFF")
    yield made
    made.file.close()


def things(database: SqliteDatabase, *columns: str) -> list[dict[str, Any]]:
    return database.snapshot().read(Read("things", columns, span=KeyRange((), ())))[0]


def sample(kind: str, number: int) -> Any:
    made: dict[str, Any] = {
        "STRING": str(number),
        "INT64": number,
        "BOOL": bool(number),
        "TIMESTAMP": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number),
        "BYTES": bytes([number]),
        "NUMERIC": Decimal(number),
    }
    return made[kind.partition("(")[0]]


def spans(kinds: list[str]) -> Iterator[KeyRange]:
    """Ranges of every shape: lengths, common prefixes, open ends, NULL in each place."""
    lengths = range(len(kinds) + 1)
    for start, end, nothing in product(lengths, lengths, [None, *range(len(kinds))]):
        for same in range(min(start, end) + 1):
            low = [None if at == nothing else sample(kinds[at], 0) for at in range(start)]
            high = [None if at == nothing else sample(kinds[at], int(at >= same)) for at in range(end)]
            for left, right in product({False, start > 0}, {False, end > 0}):
                yield KeyRange(tuple(low), tuple(high), left, right)


def test_every_table_and_index_is_there_and_serves_every_range(whole: SqliteDatabase) -> None:
    operation.catalog()
    with whole.file.reading() as connection:
        known = schema.stored(connection)
    for table in TABLES.values():
        assert {*table.columns} <= {*known.tables[table.name].columns}
        parts = [(part.name, part.descending) for part in known.tables[table.name].key]
        assert parts == [(table.column(name), name in table.descending) for name in table.key]
    for index in INDEXES.values():
        found = known.indexes[index.name]
        assert [part.name for part in found.key] == [*index.key]
        kinds = [known.tables[found.table].columns[part.name].kind for part in found.key]
        for span in spans(kinds):
            whole.snapshot().read(Read(found.table, index.columns, span=span, index=index.name))


def test_a_migration_keeps_the_rows_and_their_children(path: Path) -> None:
    assert embedded.apply(path, [FIRST]) == ["0001_first"]
    database = sqlite.connect(path)
    database.write([Write("insert", "things", ("id", "m"), ("a", 3))])
    database.write([Write("insert", "parts", ("id", "part"), ("a", 1))])
    assert embedded.apply(path, [FIRST, SECOND]) == ["0002_second"] and not embedded.apply(
        path, [FIRST, SECOND]
    )
    assert things(database, "id", "m", "n", "note") == [{"id": "a", "m": 3, "n": 3, "note": None}]
    with pytest.raises(ConstraintViolation):
        database.write([Write("update", "things", ("id", "m"), ("a", 10))])
    database.write([Write("delete", "things", ("id",), ("a",))])
    assert database.snapshot().read(Read("parts", ("id",), span=KeyRange((), ()))) == [[]]
    with pytest.raises(MissingRow):
        database.write([Write("insert", "parts", ("id", "part"), ("a", 1))])


def test_a_migration_that_was_changed_is_refused(path: Path) -> None:
    embedded.apply(path, [FIRST])
    with pytest.raises(ChangedMigrationError):
        embedded.apply(
            path, [Migration.of(FIRST.name, "CREATE TABLE other (id INT64 NOT NULL) PRIMARY KEY (id);")]
        )


def test_rows_that_break_a_new_rule_stop_the_migration(path: Path) -> None:
    embedded.apply(path, [FIRST])
    database = sqlite.connect(path)
    database.write([Write("insert", "things", ("id", "m"), ("a", 50))])
    with pytest.raises(Exception, match="smaller"):
        embedded.apply(path, [FIRST, SECOND])
    assert things(database, "m") == [{"m": 50}], "all or nothing"


def test_what_the_tools_do_not_know_is_refused(path: Path) -> None:
    for text in (
        "CREATE TABLE t (id INT64 NOT NULL, n INT64 DEFAULT (1)) PRIMARY KEY (id);",
        "CREATE TABLE t (id INT64 NOT NULL, CHECK (SOUNDEX(id) = 1)) PRIMARY KEY (id);",
        "CREATE TABLE t (id INT64) PRIMARY KEY (id);",
    ):
        with pytest.raises(ddl.UnknownStatement):
            embedded.apply(path, [Migration.of("0001_odd", text)])


def test_a_child_of_a_fork_has_connections_of_its_own(path: Path) -> None:
    embedded.apply(path, [FIRST])
    database = sqlite.connect(path)
    database.write([Write("insert", "things", ("id", "m"), ("a", 1))])
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=_count, args=(database, 20)) for _ in range(3)]
    for child in children:
        child.start()
    _count(database, 20)
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert things(database, "m") == [{"m": 81}]


def _count(database: SqliteDatabase, times: int) -> None:
    for _ in range(times):
        database.transact(_more)


def _more(transaction: Any) -> None:
    row = transaction.read(Read("things", ("m",), keys=(("a",),)))[0][0]
    transaction.buffer([Write("update", "things", ("id", "m"), ("a", row["m"] + 1))])


PAUSED = """
import sys, time
from pathlib import Path
from shared.store.sqlite import database
with database.connect(Path(sys.argv[1])).file.writing():
    print("writing", flush=True)
    time.sleep(60)
"""


def test_a_commit_that_another_process_holds_up_ends_with_its_deadline(path: Path) -> None:
    embedded.apply(path, [FIRST])
    database = sqlite.connect(path)
    command = [sys.executable, "-c", PAUSED, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout and other.stdout.readline() == "writing\n"
        other.send_signal(signal.SIGSTOP)
        insert = [Write("insert", "things", ("id", "m"), ("a", 1))]
        with running(Context("test", "req_1", deadline_in(0.2))), pytest.raises(Unavailable, match="process"):
            database.write(insert)
        with running(Context("test", "req_2", deadline_in(0.2))), pytest.raises(Unavailable):
            database.transact(_more)
        assert things(database, "m") == []  # a reader waits for nobody
        other.kill()
    database.write(insert)
    assert things(database, "m") == [{"m": 1}]
