"""Fixtures over the real emulators: a fresh database per test, and the product in this process on top of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from shared import resources
from shared.settings import load
from shared.store.port import Database
from tests.model.documents import Documents
from tests.support.inprocess import App


@dataclass
class Recorder:
    """A publisher that keeps what was published (tests of Pub/Sub itself use the real one)."""

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
def spanner_client(emulators: Mapping[str, str]) -> Any:
    from google.cloud import spanner

    return spanner.Client(project=emulators["GOOGLE_CLOUD_PROJECT"], disable_builtin_metrics=True)


@pytest.fixture
def database(spanner_client: Any, emulators: Mapping[str, str]) -> Iterator[Database]:
    """A fresh database with the whole schema."""
    from schemas import migrate
    from shared.store.spanner import connect

    name = f"t{uuid.uuid4().hex[:20]}"
    instance = emulators["SPANNER_INSTANCE"]
    migrate.fresh(spanner_client, instance, name)
    yield connect(emulators["GOOGLE_CLOUD_PROJECT"], instance, name)
    spanner_client.instance(instance).database(name).drop()


@pytest.fixture
def published() -> Recorder:
    return Recorder()


@pytest.fixture
def app(
    database: Database, published: Recorder, tmp_path: Path, emulators: Mapping[str, str]
) -> Iterator[App]:
    """The product in this process: real Spanner, Firestore and node; events are recorded."""
    chosen = replace(load(), state_dir=str(tmp_path), push_token="push-token", cache_database="(default)")
    with resources.override(fresh=True, settings=chosen, database=database, publisher=published):
        yield App()


@pytest.fixture
def firestore(emulators: Mapping[str, str]) -> Any:
    """The cache's collection in the emulator."""
    from google.cloud.firestore import Client

    return Client(project=emulators["GOOGLE_CLOUD_PROJECT"], database="(default)").collection("c")


@pytest.fixture
def documents() -> Documents:
    """Its model."""
    return Documents()
