"""The order desk on real emulators; after every test all supplies agree with their ledgers, funds with supplies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from shared import resources
from shared.domain import funds, ledger
from shared.store.port import Database
from shared.store.session import Session
from shared.store.supplies import FUNDS, LEDGER, SUPPLIES
from shared.store.transactions import TRANSACTIONS
from tests.emulated.conftest import Recorder
from tests.emulated.desk.world import Desk
from tests.support.clock import TestClock
from tests.support.inprocess import App


@pytest.fixture
def desk(app: App, published: Recorder, emulators: Mapping[str, str]) -> Desk:
    return Desk(app, published, emulators["RPC_URL"])


@pytest.fixture
def clock(app: App) -> Iterator[TestClock]:
    """Time stands still for the product; the test moves it."""
    moved = TestClock()
    with resources.override(clock=moved):
        yield moved


@pytest.fixture(autouse=True)
def books(database: Database) -> Iterator[None]:
    """available + reserved + settled = amount, the ledger sums to zero, and funds rows say what is committed."""
    yield
    session = Session(database.snapshot())
    supplies, lines, rows = session.read(SUPPLIES.scan(), LEDGER.scan(), FUNDS.scan())
    of: dict[str, list[Any]] = defaultdict(list)
    for line in lines:
        of[line.supply_id].append(line)
    wrong = [problem for supply in supplies for problem in ledger.verify(supply, of[supply.id])]
    assert not wrong, wrong
    assert sum(line.amount for line in lines) == 0
    promised: dict[tuple[str, str], int] = defaultdict(int)
    for supply in supplies:
        promised[supply.address, supply.token_address or ""] += funds.commitment(supply)
    for one in session.one(TRANSACTIONS.scan()):
        if not one.terminal:
            promised[one.from_address, ""] += one.committed_gas
    for row in rows:
        assert row.committed == promised[row.address, row.token_address], row
