"""The migrations' lint: this tree passes, and it names each way to break a running release."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.database import lint, releases
from schemas.database.migration_files import Migration, migrations
from schemas.database.releases import Release

FIRST = Migration.of(
    "0001_first",
    """-- What the release before came with.
CREATE TABLE things (
  id STRING(64) NOT NULL,
  name STRING(64),
  size INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  CONSTRAINT positive CHECK (size >= 0)
) PRIMARY KEY (id);

CREATE INDEX things_by_name ON things (name, created_at DESC, id) STORING (size);
""",
)
THINGS = {"columns": ["created_at", "id", "name", "size"], "key": ["id"], "descending": []}
BY_NAME = {
    "table": "things",
    "key": ["name", "created_at", "id"],
    "descending": ["created_at"],
    "unique": False,
    "null_filtered": False,
    "columns": ["created_at", "id", "name", "size"],
}
RELEASE = Release(
    "1.0.0", {FIRST.name: releases.labelled(FIRST.digest)}, {"things": THINGS}, {"things_by_name": BY_NAME}
)


def found(sql: str, *, live: Release | None = RELEASE, code: Release | None = None) -> list[str]:
    """The findings for a second migration with this text and unchanged code."""
    files = [FIRST, Migration.of("0002_second", sql)]
    return lint.Lint(files, live).findings(code or replace(RELEASE, version="this tree"))


def test_this_tree_is_clean() -> None:
    assert lint.Lint(migrations(), releases.newest()).findings(releases.current()) == []


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE things ADD COLUMN colour STRING(16);",
        "ALTER TABLE things ADD COLUMN colour STRING(16) NOT NULL DEFAULT ('red');",
        "ALTER TABLE things ADD COLUMN half INT64 AS (size / 2) STORED;",
        "ALTER TABLE things ALTER COLUMN name STRING(128);",
        "CREATE TABLE more (id STRING(64) NOT NULL, at TIMESTAMP NOT NULL) PRIMARY KEY (id, at);",
        "ALTER TABLE things ADD COLUMN tag_shard INT64;\nCREATE INDEX by_tag ON things (tag_shard, created_at);",
        "ALTER TABLE things ADD COLUMN code STRING(9);\nCREATE UNIQUE NULL_FILTERED INDEX by_code ON things (code);",
        "-- allow unique-index: checked, no two have the same\nCREATE UNIQUE INDEX u ON things (name);",
        "ALTER TABLE things ADD ROW DELETION POLICY (OLDER_THAN(created_at, INTERVAL 9 DAY));",
    ],
)
def test_what_both_releases_can_live_with_passes(sql: str) -> None:
    assert found(sql) == []


@pytest.mark.parametrize(
    ("sql", "finding"),
    [
        ("ALTER TABLE things ADD COLUMN colour STRING(16) NOT NULL;", "required and has no default"),
        ("ALTER TABLE things ALTER COLUMN name STRING(64) NOT NULL;", "name becomes required"),
        ("ALTER TABLE things ALTER COLUMN name STRING(32);", "becomes STRING(32) from STRING(64)"),
        ("ALTER TABLE things ALTER COLUMN size STRING(32);", "becomes STRING(32) from INT64"),
        ("ALTER TABLE things DROP COLUMN name;", "things.name: 1.0.0 reads this column"),
        ("DROP TABLE things;", "things: 1.0.0 uses this table"),
        ("DROP INDEX things_by_name;", "things_by_name: 1.0.0 reads this index"),
        ("CREATE INDEX by_time ON things (created_at DESC, id);", "begins with the time created_at"),
        ("CREATE INDEX by_size ON things (size);", "begins with the number size"),
        (
            "CREATE TABLE log (at TIMESTAMP NOT NULL, id STRING(9)) PRIMARY KEY (at, id);",
            "begins with the time at",
        ),
        ("CREATE TABLE log (seq INT64 NOT NULL) PRIMARY KEY (seq);", "begins with the number seq"),
        ("CREATE UNIQUE INDEX u ON things (name);", "u makes columns of things unique"),
        ("ALTER TABLE things ADD CONSTRAINT c CHECK (size < 10);", "a CHECK on things"),
        ("CREATE INDEX i ON nothing (id);", "a table that is not there: nothing"),
        ("CREATE SEQUENCE s OPTIONS (sequence_kind = 'bit_reversed_positive');", "not known to the tools"),
        (
            "DROP INDEX things_by_name;\nCREATE INDEX things_by_name ON things (name, created_at DESC, id);",
            "1.0.0 reads size from it, which it does not store",
        ),
        (
            "DROP INDEX things_by_name;\nCREATE INDEX things_by_name ON things (name, created_at, id) STORING (size);",
            "its descending is []; 1.0.0 expects ['created_at']",
        ),
        (
            "DROP TABLE things;\nCREATE TABLE things (id STRING(64) NOT NULL, name STRING(64), size INT64,"
            " created_at TIMESTAMP, owner STRING(9) NOT NULL) PRIMARY KEY (name);",
            "things.owner: required, and 1.0.0 does not write it",
        ),
    ],
)
def test_what_breaks_the_release_that_still_runs_is_refused(sql: str, finding: str) -> None:
    assert any(finding in line for line in found(sql)), found(sql)


def test_a_column_goes_once_neither_release_reads_it() -> None:
    slim = {"things": {**THINGS, "columns": ["created_at", "id", "size"]}}
    drop = "ALTER TABLE things DROP COLUMN name;\nDROP INDEX things_by_name;"
    code = replace(RELEASE, version="this tree", tables=slim, indexes={})
    assert any("1.0.0 reads" in line for line in found(drop, code=code))
    assert found(drop, code=code, live=replace(RELEASE, tables=slim, indexes={})) == []


def test_what_the_code_needs_must_be_there_before_the_first_release_too() -> None:
    code = replace(RELEASE, tables={**RELEASE.tables, "others": THINGS})
    assert found("", live=None, code=code) == [
        "others: 1.0.0 uses this table and no migration leaves it there"
    ]


def test_an_applied_file_is_neither_edited_nor_removed() -> None:
    edited = Migration.of(FIRST.name, FIRST.text + "\n-- a word more\n")
    assert "edited after release 1.0.0 applied it" in lint.Lint([edited], RELEASE).findings(RELEASE)[0]
    assert any("the file is gone" in line for line in lint.Lint([], RELEASE).findings(RELEASE))


def test_numbers_follow_each_other() -> None:
    twice = [FIRST, Migration.of("0001_also", "")]
    assert any("number 0002 belongs here" in line for line in lint.Lint(twice, None).findings(RELEASE))


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE more (\n  id STRING(64) NOT NULL,\n  hash STRING(66)\n) PRIMARY KEY (id);",
        "ALTER TABLE things ADD COLUMN hash STRING(66);",
    ],
)
def test_a_word_of_spanners_language_needs_backquotes(sql: str) -> None:
    """Only the emulator refused it, when the embedded store had long accepted it."""
    assert any("hash needs backquotes" in finding for finding in found(sql))
    assert not any("backquotes" in finding for finding in found(sql.replace("hash", "`hash`")))


def test_an_allowance_needs_its_reason() -> None:
    assert found("-- allow hot-key:\nCREATE INDEX by_size ON things (size);") != []


def test_a_release_is_frozen_once(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "FOLDER", tmp_path)
    releases.newest.cache_clear()
    releases.freeze("0.9.0")
    releases.freeze("0.10.0")
    newest = releases.newest()
    releases.newest.cache_clear()
    assert newest is not None
    assert newest == replace(releases.current(), version="0.10.0")
    with pytest.raises(FileExistsError):
        releases.freeze("0.9.0")
