"""A fresh database per test, and the product in this process on top of it.

`make test` runs on the embedded store; STORE=emulator runs the same tests on the emulators. A test that needs the
emulators requests `real_emulators`, or a fixture that depends on it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from schemas.database import embedded
from shared import resources
from shared.adapters.memory_documents import Documents
from shared.settings import load
from shared.store.port import Database
from shared.store.sqlite import database as sqlite
from shared.writes import outbox_relay
from tests.support.inprocess import App
from tests.support.own_spanner import OwnSpanner
from tests.support.stores import EMBEDDED, copy_of


@dataclass
class Recorder:
    """A publisher that keeps the published messages (tests of Pub/Sub itself use the real one)."""

    sent: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    failing: bool = False

    def publish(self, topic: str, envelope: Mapping[str, Any]) -> Future[str]:
        future: Future[str] = Future()
        if self.failing:
            future.set_exception(RuntimeError("no Pub/Sub today"))
        else:
            self.sent.append((topic, envelope))
            future.set_result("1")
        return future

    def check(self) -> None: ...

    @property
    def types(self) -> list[str]:
        return [str(envelope["type"]) for _, envelope in self.sent]


@pytest.fixture(scope="session")
def spanner_client(real_emulators: Mapping[str, str]) -> Any:
    from google.cloud import spanner

    return spanner.Client(project=real_emulators["GOOGLE_CLOUD_PROJECT"], disable_builtin_metrics=True)


_ROWS = """SELECT (SELECT COUNT(*) FROM audit) + (SELECT COUNT(*) FROM inbox)
  + (SELECT COUNT(*) FROM orders) + (SELECT COUNT(*) FROM transactions)"""
MOST_ROWS = 300  # to delete: the emulator takes minutes for thousands


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Database:
    """An empty database for this test, with the whole schema."""
    found: Database = request.getfixturevalue("embedded" if EMBEDDED else "spanner")
    return found


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedded store's file with the whole schema."""
    path = tmp_path_factory.mktemp("store") / "template.sqlite"
    embedded.apply(path, durability="OFF")
    return path


@pytest.fixture(name="embedded")
def _embedded(template: Path, tmp_path: Path) -> Iterator[Database]:
    made = sqlite.connect(copy_of(template, tmp_path / "store.sqlite"), durability="OFF")
    yield made
    made.file.close()


@pytest.fixture
def spanner(
    spanner_client: Any, real_emulators: Mapping[str, str], own_spanner: OwnSpanner
) -> Iterator[Database]:
    """A database in the emulator."""
    from schemas.database import migrate
    from shared.store.spanner.database import connect

    instance = real_emulators["SPANNER_INSTANCE"]
    if own_spanner.emptied:
        handle = own_spanner.emptied.pop()
    else:
        handle = spanner_client.instance(instance).database(f"t{uuid.uuid4().hex[:20]}")
        migrate.fresh(spanner_client, instance, handle.database_id)
    yield connect(real_emulators["GOOGLE_CLOUD_PROJECT"], instance, handle.database_id)
    if _empty(handle):
        own_spanner.emptied.append(handle)
    else:
        handle.drop()


def _empty(handle: Any) -> bool:
    """Delete all rows except the list of applied migrations. Returns False if that takes longer than creating a
    database, or if a test has left a transaction open, as a killed test does: it blocks all others."""
    from google.api_core.exceptions import Aborted
    from google.cloud.spanner import KeySet

    from schemas.database import migration_files

    with handle.snapshot() as snapshot:
        if next(iter(snapshot.execute_sql(_ROWS)))[0] > MOST_ROWS:
            return False
    text = "".join(statement for one in migration_files.migrations() for statement in one.statements)
    session = handle.session()
    session.create()
    batch = session.batch()
    for table in reversed(re.findall(r"CREATE TABLE (\w+)", text)):  # children before their parents
        batch.delete(table, KeySet(all_=True))
    try:
        batch.commit(timeout_secs=0.1)
    except Aborted:
        return False
    session.delete()
    return True


@pytest.fixture
def published() -> Recorder:
    return Recorder()


@pytest.fixture
def app(
    database: Database,
    published: Recorder,
    tmp_path: Path,
    emulators: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[App]:
    """The product in this process on a real node; events are recorded."""
    chosen = replace(load(), state_dir=str(tmp_path), push_token="push-token", cache_database="(default)")
    # A test that looks at the published events sees all of them; a separate test covers how long an answer
    # waits.
    monkeypatch.setattr(outbox_relay, "AFTER_COMMIT_SECONDS", 30.0)
    with resources.override(fresh=True, settings=chosen, database=database, publisher=published):
        yield App()


@pytest.fixture
def firestore(real_emulators: Mapping[str, str]) -> Any:
    """The cache's collection in the emulator."""
    from google.cloud.firestore import Client

    return Client(project=real_emulators["GOOGLE_CLOUD_PROJECT"], database="(default)").collection("c")


@pytest.fixture
def documents() -> Documents:
    """The in-memory model of the collection."""
    return Documents()
