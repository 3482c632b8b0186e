"""Run the same random history on two stores: every answer is the same, and at the end every row and index entry."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from schemas.database import embedded, migrate
from shared.store.port import Database, KeyRange, Read, StoreTransaction, Write
from shared.store.sqlite import database as sqlite
from shared.store.table import BY_ROW, INDEXES, TABLES, Index, Table
from tests.emulated.contract.differences import KEYS, SCHEMA, Step, everything, histories, told
from tests.model.generated import GENERATED
from tests.model.store import MemoryDatabase
from tests.support.proof import size

EXAMPLES = size("HISTORIES", 60)
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Database]:
    embedded.apply(tmp_path / "store.sqlite", [SCHEMA], durability="OFF")
    made = sqlite.connect(tmp_path / "store.sqlite", durability="OFF")
    yield made
    made.file.close()


@pytest.fixture
def spanner_alike(spanner_client: Any, real_emulators: Mapping[str, str]) -> Iterator[Database]:
    from shared.store.spanner.database import connect

    instance, name = real_emulators["SPANNER_INSTANCE"], f"d{uuid.uuid4().hex[:20]}"
    migrate.fresh(spanner_client, instance, name, [SCHEMA])
    yield connect(real_emulators["GOOGLE_CLOUD_PROJECT"], instance, name)
    spanner_client.instance(instance).database(name).drop()


def emptied(store: Database) -> Database:
    """Delete all rows, children first."""
    for table in ("parents",) if isinstance(store, MemoryDatabase) else ("wards", "children", "parents"):
        rows = store.snapshot().read(Read(table, KEYS[table], span=KeyRange((), ())))[0]
        if rows:
            store.write([Write("delete", table, KEYS[table], tuple(row.values())) for row in rows])
    return store


def alike(one: Database, other: Database, history: list[Step]) -> None:
    stores = emptied(one), emptied(other)
    for step in history:
        answers = [told(store, step) for store in stores]
        assert answers[0] == answers[1], step
    found = [everything(store) for store in stores]
    for name, rows in found[1].items():
        assert rows == found[0][name]


def test_a_file_answers_as_the_emulator_does(file: Database, spanner_alike: Database) -> None:
    @settings(max_examples=EXAMPLES, suppress_health_check=QUIET, derandomize=True)
    @given(histories(("parents", "children", "wards"), broken=True))
    def compare(history: list[Step]) -> None:
        alike(file, spanner_alike, history)

    compare()


@dataclass(frozen=True)
class Parent:
    a: str
    b: int
    n: int | None
    t: datetime | None
    u: str | None
    q: Decimal
    shown: str | None


@pytest.fixture
def model() -> Iterator[Database]:
    """The model supports neither child tables nor rules for values."""
    registries: list[dict[Any, Any]] = [TABLES, INDEXES, BY_ROW, GENERATED]
    before = [dict(registry) for registry in registries]
    parents = Table("parents", Parent, ("a", "b"), descending=frozenset({"b"}))
    Index("parents_by_n", parents, ("n", "t"), descending=frozenset({"t"}), stored=("q",))
    Index("parents_by_t", parents, ("t", "n"), descending=frozenset({"t"}), null_filtered=True)
    Index("parents_by_u", parents, ("u",), unique=True, null_filtered=True)
    Index("parents_by_pair", parents, ("n", "shown"), unique=True)
    GENERATED["parents"] = {"shown": lambda row: row["u"] if row["n"] is None or row["n"] > 0 else None}
    yield MemoryDatabase()
    for registry, content in zip(registries, before, strict=True):
        registry.clear()
        registry.update(content)


def test_the_model_answers_as_a_file_does(file: Database, model: Database) -> None:
    @settings(max_examples=5 * EXAMPLES, suppress_health_check=QUIET, derandomize=True)
    @given(histories(("parents",), broken=False))
    def compare(history: list[Step]) -> None:
        alike(file, model, history)

    compare()


def test_two_threads_lose_no_update(file: Database) -> None:
    """Threads of two connections to the file increment one row, read and written in bodies."""
    other = sqlite.connect(file.file.path, durability="OFF")  # type: ignore[attr-defined]
    columns = ("a", "b", "n", "q")
    file.write([Write("insert", "parents", columns, ("a", 0, 0, Decimal(0)))])
    seen: list[datetime] = []

    def body(transaction: StoreTransaction) -> None:
        row = transaction.read(Read("parents", columns, keys=(("a", 0),)))[0][0]
        transaction.buffer([Write("update", "parents", ("a", "b", "n"), ("a", 0, row["n"] + 1))])

    def work(store: Database) -> None:
        for _ in range(50):
            seen.append(store.transact(body)[1])

    threads = [threading.Thread(target=work, args=(store,)) for store in (file, file, other, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert file.snapshot().read(Read("parents", ("n",), keys=(("a", 0),)))[0] == [{"n": 200}]
    assert len(set(seen)) == 200
