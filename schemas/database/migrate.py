"""Apply the Spanner migrations in order, each once: `python -m schemas.database.migrate [--plan]`.

A migration is `schemas/spanner/NNNN_name.sql`. The table `migrations` records each applied migration with the file's
digest; a file that changed after it was applied is refused. DDL in Spanner is not transactional. All statements of a
file are sent together, and `schema_progress` records the name of that operation. The next run continues an
interrupted one: it asks Spanner how many statements are done. If two runs overlap, one fails at a name that the other
has taken, and can be repeated.
"""

from __future__ import annotations

import logging
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.database.migration_files import PROGRESS, RECORDS, ChangedMigrationError, Migration, migrations

if TYPE_CHECKING:
    from shared.settings import Settings

_log = logging.getLogger(__name__)
STATEMENT_SECONDS = 3600  # an index over a large table is slow


def ensure_instance(client: Any, name: str) -> Any:
    """The instance; created if the emulator does not have it (in production Terraform creates it)."""
    from google.api_core.exceptions import AlreadyExists

    instance = client.instance(name)
    if not instance.exists():
        config = f"{client.project_name}/instanceConfigs/emulator-config"
        with suppress(AlreadyExists):  # another process was faster
            client.instance(name, configuration_name=config, node_count=1).create().result(60)
    return instance


def fresh(client: Any, instance: str, database: str, every: list[Migration] | None = None) -> None:
    """Create a database with the complete schema in one call, for tests and local runs."""
    every = migrations() if every is None else every
    statements = [*RECORDS, *(statement for migration in every for statement in migration.statements)]
    handle = ensure_instance(client, instance).database(database, ddl_statements=statements)
    handle.create().result(120)
    _record(handle, every)


def apply(client: Any, instance: str, database: str, every: list[Migration] | None = None) -> list[str]:
    """Bring a database up to date. Returns the names of the applied migrations.

    Raises ChangedMigrationError when an applied file differs from its record.
    """
    every = migrations() if every is None else every
    handle = ensure_instance(client, instance).database(database)
    if not handle.exists():
        fresh(client, instance, database, every)
        return [migration.name for migration in every]
    handle.update_ddl(list(RECORDS)).result(120)
    waiting = pending(handle, every)
    for migration in waiting:
        _continue(client, handle, migration)
        _record(handle, [migration])
        _log.info("migrated", extra={"migration": migration.name})
    return [migration.name for migration in waiting]


def pending(handle: Any, every: list[Migration]) -> list[Migration]:
    """The migrations that were not applied yet. Raises ChangedMigrationError."""
    with handle.snapshot() as snapshot:
        done = dict(snapshot.execute_sql("SELECT name, digest FROM migrations"))
    for migration in every:
        if done.get(migration.name, migration.digest) != migration.digest:
            raise ChangedMigrationError(f"{migration.name} was changed after it was applied")
    return [migration for migration in every if migration.name not in done]


def _continue(client: Any, handle: Any, migration: Migration) -> None:
    """Send all remaining statements together, because Spanner changes the schema and keeps a version of it for each
    request. The statements of an interrupted run continue without it and report their progress."""
    noted = _noted(handle, migration.name)
    done, attempt = noted or (0, 0)
    if noted is not None:
        through = _went_through(client, handle, migration, done, attempt)
        done, attempt = (done, attempt + 1) if through == 0 else (done + (through or 0), attempt)
    if done < len(migration.statements):
        _note(handle, migration, done, attempt)
        name = _operation(migration, done, attempt)
        handle.update_ddl(migration.statements[done:], operation_id=name).result(STATEMENT_SECONDS)
    _note(handle, migration, len(migration.statements), attempt)


def _operation(migration: Migration, done: int, attempt: int) -> str:
    """An operation name that Spanner accepts only once, so that any run can look the operation up."""
    return f"m_{migration.name}_{done}_{attempt}".lower()


def _went_through(client: Any, handle: Any, migration: Migration, done: int, attempt: int) -> int | None:
    """The number of completed statements, once the sent operation has ended; None if nothing was sent."""
    from google.api_core.exceptions import NotFound
    from google.cloud.spanner_admin_database_v1 import UpdateDatabaseDdlMetadata

    name = f"{handle.name}/operations/{_operation(migration, done, attempt)}"
    until = time.monotonic() + STATEMENT_SECONDS
    while True:
        try:
            found = client.database_admin_api.get_operation({"name": name})
        except NotFound:
            return None
        if found.done:
            return len(UpdateDatabaseDdlMetadata.deserialize(found.metadata.value).commit_timestamps)
        if time.monotonic() > until:
            raise TimeoutError(f"{name} goes on")
        time.sleep(1)


def _noted(handle: Any, name: str) -> tuple[int, int] | None:
    """(completed statements, number of failed attempts to send the rest); None if nothing was begun."""
    query = "SELECT position FROM schema_progress WHERE name = @name"
    with handle.snapshot() as snapshot:
        rows = list(snapshot.execute_sql(query, params={"name": name}, param_types=_text("name")))
    if not rows:
        return None
    done, _, attempt = str(rows[0][0]).partition(".")
    return int(done), int(attempt or 0)


def _text(name: str) -> dict[str, Any]:
    from google.cloud.spanner_v1 import param_types

    return {name: param_types.STRING}


def _note(handle: Any, migration: Migration, place: int, attempt: int) -> None:
    from google.cloud import spanner

    ended = place == len(migration.statements)
    row = (migration.name, f"{place}.{attempt}", ended, 0, spanner.COMMIT_TIMESTAMP)
    with handle.batch() as batch:
        batch.insert_or_update("schema_progress", PROGRESS, [row])


def _record(handle: Any, applied: list[Migration]) -> None:
    from google.cloud import spanner

    rows = [(migration.name, migration.digest, spanner.COMMIT_TIMESTAMP) for migration in applied]
    with handle.batch() as batch:
        batch.insert("migrations", ("name", "digest", "applied_at"), rows)


def bring_up_to_date(chosen: Settings) -> list[str]:
    """Apply the pending migrations to the settings' database; returns their names. Raises ChangedMigrationError."""
    if "spanner" in chosen.embedded:
        from schemas.database import embedded

        return embedded.apply(Path(chosen.embedded_file))
    return apply(_client(chosen), chosen.spanner_instance, chosen.spanner_database)


def planned(chosen: Settings) -> list[str]:
    """The names of the pending migrations. Raises ChangedMigrationError."""
    if "spanner" in chosen.embedded:
        from schemas.database import embedded

        return embedded.planned(Path(chosen.embedded_file))
    handle = _client(chosen).instance(chosen.spanner_instance).database(chosen.spanner_database)
    return [migration.name for migration in pending(handle, migrations())]


def _client(chosen: Settings) -> Any:
    from google.cloud import spanner

    return spanner.Client(project=chosen.project, disable_builtin_metrics=True)


def main(arguments: list[str]) -> int:
    """Apply the pending migrations, or print them with --plan; returns 1 if a file was changed after it was applied."""
    from shared.settings import NothingNamed, load, require_named
    from shared.telemetry import logs

    if arguments not in ([], ["--plan"]):
        sys.stderr.write("usage: python -m schemas.database.migrate [--plan]\n")
        return 2
    logs.configure()
    try:
        require_named()
        names = planned(load()) if arguments else bring_up_to_date(load())
    except (ChangedMigrationError, NothingNamed) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("".join(f"{name}\n" for name in names) or "nothing to migrate\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
