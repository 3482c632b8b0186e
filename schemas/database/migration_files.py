"""The migrations: the files `schemas/spanner/NNNN_name.sql`, and the tables that record which of them were applied."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "spanner"
RECORDS = (
    """CREATE TABLE IF NOT EXISTS migrations (
  name STRING(128) NOT NULL,
  digest STRING(64) NOT NULL,
  applied_at TIMESTAMP NOT NULL OPTIONS (allow_commit_timestamp = true)
) PRIMARY KEY (name)""",
    """CREATE TABLE IF NOT EXISTS schema_progress (
  name STRING(128) NOT NULL,
  position STRING(MAX) NOT NULL,
  done BOOL NOT NULL,
  `rows` INT64 NOT NULL,
  updated_at TIMESTAMP NOT NULL OPTIONS (allow_commit_timestamp = true)
) PRIMARY KEY (name)""",
)
PROGRESS = ("name", "position", "done", "rows", "updated_at")


@dataclass(frozen=True)
class Migration:
    name: str
    digest: str
    statements: list[str]
    text: str = field(default="", repr=False)

    @classmethod
    def of(cls, name: str, text: str) -> Migration:
        """Parse a file. Comments and the final semicolons are removed, because Spanner refuses them."""
        bare = re.sub(r"(?m)^\s*--.*$", "", text)
        statements = [part.strip() for part in re.split(r";\s*(?:\n|$)", bare) if part.strip()]
        return cls(name, hashlib.sha256(text.encode()).hexdigest(), statements, text)


class ChangedMigrationError(Exception):
    """A migration's file differs from the applied one."""


def migrations(folder: Path | None = None) -> list[Migration]:
    """All migrations in order."""
    paths = sorted((folder or FOLDER).glob("[0-9][0-9][0-9][0-9]_*.sql"))
    return [Migration.of(path.stem, path.read_text()) for path in paths]
