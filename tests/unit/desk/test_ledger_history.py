"""The ledger of a supply at a time: right for every time, and with few reads however long the ledger is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

pytest.importorskip("tests.model.store")

from shared.desk import ledger_history
from shared.domain.desk import supplies as rules
from shared.domain.desk.ledger import LedgerEntry, balances
from shared.domain.money import Asset
from shared.store.session import Session
from shared.store.tables.supplies import LEDGER
from tests.model.store import MemoryDatabase
from tests.unit.contracts.index_histories import _complete_the_model

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
VERSIONS = 4_000


@pytest.fixture(scope="module")
def ledger() -> tuple[MemoryDatabase, rules.Supply, list[LedgerEntry]]:
    """A supply whose every version reserves, releases or settles, a minute after the one before, by clocks that differ
    by up to two minutes."""
    _complete_the_model()
    rng, database = Random(1), MemoryDatabase()
    made = rules.create(
        supply_id="sup_1", user_id="usr_1", wallet_id="wal_1", address="0x" + "11" * 20,
        asset=Asset("local", "ETH", None, 18), amount=10**6, expires_at=None, now=BEGAN,
    )  # fmt: skip
    supply, lines = rules.activate(made.supply, BEGAN), list(made.entries)
    for number in range(VERSIONS):
        now = BEGAN + timedelta(minutes=number, seconds=rng.randint(0, 120))
        if supply.reserved and rng.random() < 0.01:
            moved = rules.settle(supply, 1, "txn_1", now)
        elif supply.reserved and rng.random() < 0.5:
            moved = rules.release(supply, supply.reserved, "ord_1", now)
        else:
            moved = rules.reserve(supply, 5, "ord_1", now)
        supply, lines = moved.supply, lines + list(moved.entries)
    database.write([LEDGER.write("insert", line) for line in lines])
    return database, supply, lines


class Counted:
    def __init__(self, inner: MemoryDatabase) -> None:
        self.inner, self.reads = inner, 0

    def read(self, *reads: Any) -> Any:
        self.reads += 1
        return self.inner.read(*reads)


@pytest.fixture
def counted(ledger: Any) -> Iterator[Counted]:
    yield Counted(ledger[0])


@pytest.mark.parametrize("minutes", [-10, 0, 1, 50, 500, 2_000, 3_999, 10_000])
def test_balances_at_a_time(ledger: Any, counted: Counted, minutes: int) -> None:
    _, supply, lines = ledger
    moment = BEGAN + timedelta(minutes=minutes)
    wanted = balances(None)
    for line in lines:  # in the order of versions
        if line.created_at <= moment:
            wanted[line.account] = line.balance_after
    assert ledger_history.balances_at(Session(counted), supply, moment) == wanted
    assert counted.reads <= 24, "the attack: an early time made each call read the whole ledger"


@pytest.mark.parametrize("minutes", [-10, 3, 700, 3_999])
def test_lines_up_to_a_time(ledger: Any, counted: Counted, minutes: int) -> None:
    _, supply, lines = ledger
    moment = BEGAN + timedelta(minutes=minutes)
    wanted = [line for line in reversed(lines) if line.created_at <= moment]
    session = Session(counted)
    found, place = ledger_history.page(session, supply, below=None, limit=50, until=moment)
    assert found == wanted[:50] and counted.reads <= 16
    if place is not None:
        more, _ = ledger_history.page(session, supply, below=place, limit=50, until=moment)
        assert more == wanted[50:100]
