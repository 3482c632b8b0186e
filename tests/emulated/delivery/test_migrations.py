"""Migrations and backfills on the Spanner emulator: interrupted anywhere, continued, done once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from emulators.toolkit import ROOT
from schemas.database import backfill, migrate
from schemas.database.migration_files import ChangedMigrationError, Migration
from shared.domain.users import User
from shared.store.port import Database, Read
from shared.store.tables.users import USERS
from tests.emulated.delivery import fills
from tests.support.stores import leads_to

FIRST = Migration.of(
    "0001_first", "CREATE TABLE things (id STRING(9) NOT NULL, name STRING(9)) PRIMARY KEY (id);"
)
SECOND = Migration.of(
    "0002_second",
    """ALTER TABLE things ADD COLUMN colour STRING(9);
CREATE INDEX things_by_name ON things (name);
DROP INDEX things_by_name;
CREATE INDEX things_by_name ON things (name) STORING (colour);
CREATE TABLE more (id STRING(9) NOT NULL) PRIMARY KEY (id);
""",
)


class Broken(Exception):
    """The run ends here like a killed one: no later line runs."""


@pytest.fixture
def handle(spanner_client: Any, emulators: Mapping[str, str]) -> Iterator[Any]:
    """A database with the first migration only."""
    instance = migrate.ensure_instance(spanner_client, emulators["SPANNER_INSTANCE"])
    database = instance.database(f"m{uuid.uuid4().hex[:20]}")
    migrate.fresh(spanner_client, instance.instance_id, database.database_id, [FIRST])
    yield database
    database.drop()


def apply(client: Any, handle: Any, *migrations: Migration) -> list[str]:
    return migrate.apply(client, handle._instance.instance_id, handle.database_id, list(migrations))


@pytest.mark.parametrize("through", [None, *range(6)])
def test_a_run_that_is_broken_off_is_continued_wherever_spanner_was(
    spanner_client: Any, handle: Any, monkeypatch: pytest.MonkeyPatch, through: int | None
) -> None:
    """Interrupted before anything was sent (None), or after this many of the five statements; 0: Spanner refused the
    first."""
    kind, real = type(handle), type(handle).update_ddl

    def breaking(self: Any, statements: list[str], operation_id: str | None = None) -> Any:
        if operation_id is None:
            return real(self, statements)
        assert len(statements) == 5, "one change of the schema for one file"
        if through:
            real(self, statements[:through], operation_id=operation_id).result(60)
        raise Broken

    with monkeypatch.context() as patch:
        patch.setattr(kind, "update_ddl", breaking)
        with pytest.raises(Broken):
            apply(spanner_client, handle, FIRST, SECOND)
    sent: list[int] = []

    def counting(self: Any, statements: list[str], operation_id: str | None = None) -> Any:
        if operation_id is None:
            return real(self, statements)
        sent.append(len(statements))
        return real(self, statements, operation_id=operation_id)

    monkeypatch.setattr(kind, "update_ddl", counting)
    if through == 0:
        monkeypatch.setattr(migrate, "_went_through", lambda *_: 0)
    assert apply(spanner_client, handle, FIRST, SECOND) == ["0002_second"]
    assert apply(spanner_client, handle, FIRST, SECOND) == []
    handle.reload()
    text = "\n".join(handle.ddl_statements)
    assert "STORING (colour)" in text
    assert "CREATE TABLE more" in text
    assert sent == {None: [5], 0: [5], 5: []}.get(through, [5 - (through or 0)]), (
        "one change for what is left"
    )


def test_a_file_that_was_changed_after_it_was_applied_is_refused(spanner_client: Any, handle: Any) -> None:
    changed = Migration.of(FIRST.name, FIRST.text.replace("name", "title"))
    with pytest.raises(ChangedMigrationError, match="0001_first was changed after it was applied"):
        apply(spanner_client, handle, changed, SECOND)
    handle.reload()
    assert "colour" not in "\n".join(handle.ddl_statements)


def users(database: Database, count: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    made = [
        User(
            f"usr_{n:03}",
            None,
            None,
            None,
            ("user",),
            "BASIC" if n % 3 else "basic",
            False,
            False,
            None,
            1,
            now,
            now,
        )
        for n in range(count)
    ]
    database.write([USERS.write("insert", user) for user in made])


def tiers(database: Database) -> dict[str, str]:
    rows = database.snapshot().read(Read("users", ("id", "tier"), span=backfill.key_range((), None, ())))[0]
    return {row["id"]: row["tier"] for row in rows}


def program(database: Database, **env: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "schemas.database.backfill",
        "--batch",
        "4",
        "tests.emulated.delivery.fills",
    ]
    mine = {**os.environ, **leads_to(database), **env}
    return subprocess.run(
        command, cwd=ROOT, env=mine, capture_output=True, text=True, timeout=90, check=False
    )


def test_a_backfill_that_is_killed_goes_on_where_it_was(database: Database) -> None:
    users(database, 10)
    killed = program(database, DIE_AT="7")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert [tiers(database)[f"usr_{n:03}"] for n in (1, 2, 4, 7)] == ["basic", "basic", "BASIC", "BASIC"]
    again = program(database, DIE_AT="7")  # it receives exactly the last six rows, from the fifth on
    assert (again.returncode, again.stdout) == (0, "lower-tiers: 10 rows looked at\n"), again.stderr
    assert set(tiers(database).values()) == {"basic"}
    assert program(database, DIE_AT="1").stdout == "lower-tiers: 10 rows looked at\n"  # done: it reads no row


def test_a_finished_backfill_is_not_begun_again(database: Database) -> None:
    users(database, 2)
    changed = []

    def fill(row: dict[str, Any]) -> dict[str, Any] | None:
        changed.append(row["tier"])
        return {"tier": row["tier"].lower()}

    one = backfill.Backfill("once", USERS, ("tier",), fill)
    assert backfill.run(database, one, batch=1).rows == 2
    assert backfill.run(database, one, batch=1).rows == 2
    assert changed == ["basic", "BASIC"]
    assert fills.BACKFILLS[0].name != one.name
