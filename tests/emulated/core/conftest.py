"""The commit machinery on a real database, without cache and with recorded events."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared import resources
from shared.adapters.cache import NoCache
from shared.store.port import Database
from tests.emulated.conftest import Recorder
from tests.model.store import MemoryDatabase
from tests.support.stores import STORE


@pytest.fixture
def core(database: Database, published: Recorder) -> Iterator[Database]:
    with resources.override(fresh=True, database=database, publisher=published, cache=NoCache()):
        yield database


@pytest.fixture(params=[STORE, "model"])
def either(request: pytest.FixtureRequest, published: Recorder) -> Iterator[tuple[str, Database]]:
    """The store of the run, then the model; figures must name their store."""
    store = request.getfixturevalue("database") if request.param == STORE else MemoryDatabase()
    with resources.override(fresh=True, database=store, publisher=published, cache=NoCache()):
        yield request.param, store
