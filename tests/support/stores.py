"""Databases for tests: of the embedded store, or of the Spanner emulator, as STORE says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from shared import settings
from shared.store.port import Database
from shared.store.sqlite import database as sqlite
from shared.store.sqlite.database import SqliteDatabase

STORE: Final = os.environ.get("STORE") or "embedded"
EMBEDDED: Final = STORE == "embedded"
if STORE not in ("embedded", "emulator"):
    raise pytest.UsageError(f"STORE is embedded or emulator, not {STORE}")

os.environ["STORE"] = STORE  # for processes that tests start


def opened(env: Mapping[str, str]) -> Database:
    """Open the database that these variables name."""
    chosen = settings.load(env)
    if "spanner" in chosen.embedded:
        return sqlite.connect(Path(chosen.embedded_file))
    from shared.store.spanner.database import connect

    return connect(chosen.project, chosen.spanner_instance, chosen.spanner_database)


def leads_to(database: Database) -> dict[str, str]:
    """The variables that point another process to this database."""
    if isinstance(database, SqliteDatabase):
        return {"EMBEDDED_FILE": str(database.file.path)}
    handle: Any = database.handle  # type: ignore[attr-defined]
    return {"SPANNER_DATABASE": handle.database_id}


def copy_of(template: Path, path: Path) -> Path:
    """Create a fresh file with the whole schema: creating one takes a tenth of a second, copying one a thousandth."""
    path.write_bytes(template.read_bytes())
    return path
