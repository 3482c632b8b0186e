"""Apply the Spanner migrations in order, each once: `python -m schemas.migrate`.

A migration is `schemas/spanner/NNNN_name.sql`. What was applied is recorded in the table `migrations` with the
file's digest; a file that changed after it was applied is refused. DDL in Spanner is not transactional: a file
that failed half way is continued from its first missing statement only by hand, so keep files small.
"""

from __future__ import annotations

import hashlib
import logging
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)
FOLDER = Path(__file__).parent / "spanner"
_RECORD = """CREATE TABLE IF NOT EXISTS migrations (
  name STRING(128) NOT NULL,
  digest STRING(64) NOT NULL,
  applied_at TIMESTAMP NOT NULL OPTIONS (allow_commit_timestamp = true)
) PRIMARY KEY (name)"""


@dataclass(frozen=True)
class Migration:
    name: str
    digest: str
    statements: list[str]


class ChangedMigrationError(Exception):
    """A migration's file is not the one that was applied."""


def migrations() -> list[Migration]:
    """All migrations in order. Comments and the final semicolons are not sent: Spanner refuses them."""
    found = []
    for path in sorted(FOLDER.glob("[0-9][0-9][0-9][0-9]_*.sql")):
        text = path.read_text()
        bare = re.sub(r"(?m)^\s*--.*$", "", text)
        statements = [part.strip() for part in re.split(r";\s*(?:\n|$)", bare) if part.strip()]
        found.append(Migration(path.stem, hashlib.sha256(text.encode()).hexdigest(), statements))
    return found


def ensure_instance(client: Any, name: str) -> Any:
    """The instance, created when the emulator does not have it (production's comes from Terraform)."""
    from google.api_core.exceptions import AlreadyExists

    instance = client.instance(name)
    if not instance.exists():
        config = f"{client.project_name}/instanceConfigs/emulator-config"
        with suppress(AlreadyExists):  # another process was faster
            client.instance(name, configuration_name=config, node_count=1).create().result(60)
    return instance


def fresh(client: Any, instance: str, database: str) -> None:
    """Create a database with the whole schema in one call: what tests and local runs use."""
    every = migrations()
    statements = [_RECORD, *(statement for migration in every for statement in migration.statements)]
    handle = ensure_instance(client, instance).database(database, ddl_statements=statements)
    handle.create().result(120)
    _record(handle, every)


def apply(client: Any, instance: str, database: str) -> list[str]:
    """Bring an existing database up to date; answers the names applied now.

    Raises ChangedMigrationError when an applied file differs from its record."""
    handle = ensure_instance(client, instance).database(database)
    if not handle.exists():
        fresh(client, instance, database)
        return [migration.name for migration in migrations()]
    handle.update_ddl([_RECORD]).result(120)
    with handle.snapshot() as snapshot:
        done = dict(snapshot.execute_sql("SELECT name, digest FROM migrations"))
    pending = []
    for migration in migrations():
        if migration.name not in done:
            pending.append(migration)
        elif done[migration.name] != migration.digest:
            raise ChangedMigrationError(f"{migration.name} was changed after it was applied")
    for migration in pending:
        handle.update_ddl(migration.statements).result(3600)
        _record(handle, [migration])
        _log.info("migrated", extra={"migration": migration.name})
    return [migration.name for migration in pending]


def _record(handle: Any, applied: list[Migration]) -> None:
    from google.cloud import spanner

    rows = [(migration.name, migration.digest, spanner.COMMIT_TIMESTAMP) for migration in applied]
    with handle.batch() as batch:
        batch.insert("migrations", ("name", "digest", "applied_at"), rows)


def main() -> int:
    from google.cloud import spanner

    from shared import telemetry
    from shared.settings import load

    telemetry.configure()
    chosen = load()
    client = spanner.Client(project=chosen.project, disable_builtin_metrics=True)
    apply(client, chosen.spanner_instance, chosen.spanner_database)
    return 0


if __name__ == "__main__":
    sys.exit(main())
