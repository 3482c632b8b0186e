"""Copy the newest backup to another project, with the real client against a server that keeps backups in a list."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent import futures
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.cloud.spanner_admin_database_v1 import (
    Backup,
    CopyBackupRequest,
    DatabaseAdminClient,
    ListBackupsRequest,
    ListBackupsResponse,
)
from google.cloud.spanner_admin_database_v1.services.database_admin.transports import (
    DatabaseAdminGrpcTransport,
)
from google.longrunning import operations_pb2
from google.protobuf import any_pb2

from shared.ops import copy_backup

NOW = datetime(2026, 11, 20, 7, tzinfo=UTC)
SOURCE = "projects/acme-wallet-prod/instances/wallet"
TARGET = "projects/acme-wallet-recovery/instances/copies"
SERVICE = "google.spanner.admin.database.v1.DatabaseAdmin"


class Backups:
    """Spanner's backups; the emulator has none."""

    def __init__(self) -> None:
        self.there: list[Any] = []
        self.asked: list[Any] = []

    def add(self, age: timedelta, schedule: str = "full", state: int = Backup.State.READY) -> str:
        name = f"{SOURCE}/backups/{schedule}-{len(self.there)}"
        schedules = [f"{SOURCE}/databases/wallet/backupSchedules/{schedule}"]
        self.there.append(Backup(name=name, version_time=NOW - age, state=state, backup_schedules=schedules))
        return name

    def list(self, request: Any, _: Any) -> Any:
        assert request.filter == "state:READY"
        found = [
            b for b in self.there if b.name.startswith(request.parent + "/") and b.state == Backup.State.READY
        ]
        return ListBackupsResponse(backups=found)

    def copy(self, request: Any, context: Any) -> Any:
        name = f"{request.parent}/backups/{request.backup_id}"
        if any(each.name == name for each in self.there):
            context.abort(grpc.StatusCode.ALREADY_EXISTS, name)
        self.asked.append(request)
        made = Backup(name=name)
        self.there.append(made)
        packed = any_pb2.Any()
        packed.Pack(Backup.pb(made))
        return operations_pb2.Operation(name="operations/1", done=True, response=packed)


@pytest.fixture
def backups() -> Backups:
    return Backups()


@pytest.fixture
def client(backups: Backups) -> Iterator[DatabaseAdminClient]:
    server = grpc.server(futures.ThreadPoolExecutor(2))
    handlers = {
        "ListBackups": grpc.unary_unary_rpc_method_handler(
            backups.list, ListBackupsRequest.deserialize, ListBackupsResponse.serialize
        ),
        "CopyBackup": grpc.unary_unary_rpc_method_handler(
            backups.copy, CopyBackupRequest.deserialize, operations_pb2.Operation.SerializeToString
        ),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield DatabaseAdminClient(transport=DatabaseAdminGrpcTransport(channel=channel))
    server.stop(None)


def test_the_newest_full_backup_is_copied_once_and_kept_for_two_months(
    client: DatabaseAdminClient, backups: Backups
) -> None:
    backups.add(timedelta(days=1, hours=4))
    latest = backups.add(timedelta(hours=4))
    backups.add(timedelta(hours=1), "incremental")
    backups.add(timedelta(minutes=1), state=Backup.State.CREATING)
    found = copy_backup.newest(client, SOURCE, NOW)
    assert found.name == latest
    assert copy_backup.copy(client, found, TARGET, NOW)
    assert not copy_backup.copy(client, found, TARGET, NOW), "it is there"
    (asked,) = backups.asked
    assert (asked.parent, asked.source_backup) == (TARGET, latest)
    assert asked.expire_time == NOW + timedelta(days=60)


@pytest.mark.parametrize("ages", [[], [timedelta(days=3)]])
def test_a_product_that_makes_no_backups_is_told(
    client: DatabaseAdminClient, backups: Backups, ages: list[timedelta]
) -> None:
    for age in ages:
        backups.add(age)
    with pytest.raises(copy_backup.NothingToCopy):
        copy_backup.newest(client, SOURCE, NOW)


@pytest.mark.parametrize("target", ["projects/local-project/instances/copies", "copies", ""])
def test_a_copy_in_the_same_project_is_none(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert copy_backup.main(["--to", target]) == 2
    assert "another project" in capsys.readouterr().err
