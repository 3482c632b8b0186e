"""The order desk on real emulators; after every test all supplies agree with their ledgers, and funds with supplies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from shared import resources
from shared.store.port import Database
from shared.store.session import Session
from tests.emulated.conftest import Recorder
from tests.emulated.desk.invariants import balanced
from tests.emulated.desk.world import Desk
from tests.support.clock import TestClock
from tests.support.inprocess import App


@pytest.fixture
def desk(app: App, published: Recorder, emulators: Mapping[str, str]) -> Desk:
    return Desk(app, published, emulators["RPC_URL"])


@pytest.fixture
def clock(app: App) -> Iterator[TestClock]:
    """A clock that stands still for the product; the test moves it."""
    moved = TestClock()
    with resources.override(clock=moved):
        yield moved


@pytest.fixture(autouse=True)
def books(database: Database) -> Iterator[None]:
    """Check `balanced` after every test."""
    yield
    balanced(Session(database.snapshot()))
