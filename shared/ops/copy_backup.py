"""Copy the newest full backup into another project: `python -m shared.ops.copy_backup --to projects/P/instances/I`.

Google Cloud Scheduler starts it every day (infra/recovery.tf). It may be repeated: an existing copy is not made again.
The copy lives weeks longer than its original, and the account that runs this can delete neither. Exit status 1 if
there is nothing to copy, or if the newest backup is older than two days, because backups are then no longer made.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from shared import resources
from shared.ops import command_line
from shared.telemetry import logs

KEPT: Final = timedelta(days=60)
RECENT: Final = timedelta(days=2)
SECONDS: Final = 3000.0  # for waiting; Spanner continues the copy afterwards
FULL: Final = "full"  # the schedule's name in infra/spanner.tf


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that can be restored; `name` is projects/…/backups/…."""

    name: str
    version_time: datetime

    @property
    def id(self) -> str:
        return self.name.rpartition("/")[2]


class NothingToCopy(Exception):
    """There is no recent backup; the text is for the reader of the job's log."""


def newest(client: Any, instance: str, now: datetime) -> Backup:
    """The newest full backup of the instance's databases. Raises NothingToCopy."""
    request = {"parent": instance, "filter": "state:READY"}
    found = [
        Backup(each.name, each.version_time)
        for each in client.list_backups(request=request)
        if any(schedule.rpartition("/")[2] == FULL for schedule in each.backup_schedules)
    ]
    latest = max(found, key=lambda backup: backup.version_time, default=None)
    if latest is None or now - latest.version_time > RECENT:
        raise NothingToCopy(f"the newest full backup is of {latest.version_time if latest else 'never'}")
    return latest


def copy(client: Any, backup: Backup, target: str, now: datetime) -> bool:
    """Copy it into the instance `target`; False if the copy exists or is in progress."""
    from google.api_core.exceptions import AlreadyExists

    request = {
        "parent": target,
        "backup_id": backup.id,
        "source_backup": backup.name,
        "expire_time": now + KEPT,
    }
    try:
        client.copy_backup(request=request).result(timeout=SECONDS)
    except AlreadyExists:
        return False
    return True


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m shared.ops.copy_backup")
    parser.add_argument("--to", required=True, help="projects/P/instances/I of another project")
    options: Any = parser.parse_args(arguments)
    logs.configure()
    chosen = resources.settings()
    if not re.fullmatch(r"projects/[^/]+/instances/[^/]+", options.to) or f"/{chosen.project}/" in options.to:
        sys.stderr.write(f"{options.to}: name an instance of another project, as projects/P/instances/I\n")
        return 2
    from google.cloud import spanner_admin_database_v1

    client = spanner_admin_database_v1.DatabaseAdminClient()
    now = datetime.now(UTC)
    try:
        found = newest(client, f"projects/{chosen.project}/instances/{chosen.spanner_instance}", now)
    except NothingToCopy as error:
        sys.stderr.write(f"{error}\n")
        return 1
    done = copy(client, found, options.to, now)
    sys.stdout.write(f"{found.id} of {found.version_time}: {'copied' if done else 'was there'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(command_line.run(main))
