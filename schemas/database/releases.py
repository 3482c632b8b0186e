"""The database needs of a release, frozen: `python -m schemas.database.releases freeze 0.1.0` writes them.

`schemas/releases/<version>.json` holds the digests of the release's migrations, and every column and index that its
code reads or writes. `lint` checks later migrations against the newest release: during a rollout, the previous
release runs on the new schema.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from schemas.database.migration_files import migrations

FOLDER = Path(__file__).parent.parent / "releases"


@dataclass(frozen=True)
class Release:
    """`tables` and `indexes` are the release's `usage()`; `migrations` maps names to digests, in order."""

    version: str
    migrations: dict[str, str]
    tables: dict[str, dict[str, Any]]
    indexes: dict[str, dict[str, Any]]


def labelled(digest: str) -> str:
    """A digest with a label, as in the files; secret scanners mistake a bare digest for a key."""
    return f"sha256:{digest}"


def usage() -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """The columns and indexes that this code's typed tables read and write."""
    from shared.runtime import operation
    from shared.store.table import INDEXES, TABLES

    operation.catalog()  # declares all tables
    tables = {
        name: {
            "columns": sorted(table.columns),
            "key": list(table.key_columns),
            "descending": sorted(table.descending),
        }
        for name, table in sorted(TABLES.items())
    }
    indexes = {
        name: {
            "table": index.table.name,
            "key": list(index.key),
            "descending": sorted(index.descending),
            "unique": index.unique,
            "null_filtered": index.null_filtered,
            "columns": sorted(index.columns),
        }
        for name, index in sorted(INDEXES.items())
    }
    return tables, indexes


def current(version: str = "this tree") -> Release:
    """This tree as a release."""
    tables, indexes = usage()
    return Release(version, {each.name: labelled(each.digest) for each in migrations()}, tables, indexes)


@cache
def newest() -> Release | None:
    """The release that is live during the rollout of the next one; None before the first release."""
    found = sorted(FOLDER.glob("*.json"), key=lambda path: [int(part) for part in path.stem.split(".")])
    return Release(version=found[-1].stem, **json.loads(found[-1].read_text())) if found else None


def freeze(version: str) -> Path:
    """Write this tree's needs. Raises FileExistsError if the release is already frozen."""
    path = FOLDER / f"{version}.json"
    FOLDER.mkdir(exist_ok=True)
    made = current(version)
    content = {"migrations": made.migrations, "tables": made.tables, "indexes": made.indexes}
    with path.open("x") as file:
        file.write(json.dumps(content, indent=1, sort_keys=True) + "\n")
    return path


def main(arguments: list[str]) -> int:
    if len(arguments) != 2 or arguments[0] != "freeze" or arguments[1].count(".") != 2:
        sys.stderr.write("usage: python -m schemas.database.releases freeze MAJOR.MINOR.PATCH\n")
        return 2
    try:
        sys.stdout.write(f"{freeze(arguments[1]).relative_to(FOLDER.parent.parent)}\n")
    except FileExistsError as error:
        sys.stderr.write(f"{error.filename} is there: a release is frozen once\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
