"""The timed restore drill: orders are paid while a backup is taken, the database is lost, and nobody is paid twice.

`ORDERS` sets the size; `make prove PART=restore` prints the times. It uses the embedded store, whose backup is a copy
of its file: Spanner's own restore has to be timed in staging.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shared import resources
from shared.ops import after_restore, restore_drill
from shared.store.sqlite import database as sqlite
from shared.store.sqlite.database import SqliteDatabase
from tests.emulated.desk.world import ETHER, Desk
from tests.support.proof import figure, size
from tests.support.stores import EMBEDDED

ORDERS = size("ORDERS", 4)
pytestmark = [
    pytest.mark.skipif(not EMBEDDED, reason="a backup is a copy of the embedded store's file"),
    pytest.mark.timeout(60 + 20 * ORDERS),
]


@dataclass
class Sale:
    """A claim that its shopper may have paid; each shopper pays from a separate address."""

    shopper: str
    recipient: str
    claim: Any


@dataclass
class Clock:
    """The seconds of each step."""

    steps: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def lap(self, name: str) -> None:
        self.steps[name] = time.monotonic() - self.began
        self.began = time.monotonic()


def sold(desk: Desk) -> Sale:
    shopper, claimer = desk.person("shopper"), desk.person("claimer")
    wallet = desk.imported(shopper, ether=5)
    recipient = desk.wallet(claimer)
    desk.supply(shopper, "2", wallet_id=wallet)
    return Sale(shopper, desk.address(recipient), desk.claimed(claimer, desk.order(shopper, "1")["id"]))


def pay(desk: Desk, sales: list[Sale]) -> None:
    """Process all; the engine runs until each is paid or stands still."""
    for sale in sales:
        desk.process(sale.shopper, sale.claim["id"])
    for _ in range(12):
        desk.app.schedule("tick_chain")
        desk.rpc("anvil_mine", "0x2")


def copied(source: Path, target: Path) -> Path:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
    return target


def test_a_lost_database_is_restored_compared_with_the_chain_and_pays_nobody_twice(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = resources.database()
    assert isinstance(database, SqliteDatabase)
    sales = [sold(desk) for _ in range(ORDERS)]
    third = max(1, ORDERS // 3)
    pay(desk, sales[:third])  # the backup knows these
    backup = copied(database.file.path, tmp_path / "backup.db")
    pay(desk, sales[third : 2 * third])  # the backup does not know these
    paid = [desk.balance(sale.recipient) for sale in sales]
    assert paid == [ETHER] * 2 * third + [0] * (ORDERS - 2 * third)

    clock = Clock()
    restored = sqlite.connect(copied(backup, tmp_path / "restored.db"))
    clock.lap("restore")
    with resources.override(database=restored):
        assert restore_drill.main(["--keys"]) == 0
        out = capsys.readouterr().out
        assert f"chain    {'':0}" in out and f"{third} seen, 0 broken, {third} of the past" in out
        clock.lap("drill")
        assert after_restore.main(["pause"]) == 1
        clock.lap("pause")
        pay(desk, sales[third:])  # everybody asks again, including those already paid
        clock.lap("work")
        assert [desk.balance(sale.recipient) for sale in sales] == [ETHER] * ORDERS
        states = [desk.get(f"/claims/{sale.claim['id']}", sale.shopper)["status"] for sale in sales]
        assert states == ["processed"] * third + ["processing"] * third + ["processed"] * (ORDERS - 2 * third)
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in clock.steps.items())
    figure("restore drill", "embedded, node", f"{ORDERS} orders, {third} payments forgotten: {seconds}")


def test_a_database_that_was_not_restored_whole_is_broken(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = resources.database()
    assert isinstance(database, SqliteDatabase)
    sold(desk)
    half = copied(database.file.path, tmp_path / "half.db")
    with closing(sqlite3.connect(half)) as file:
        file.execute("DELETE FROM ledger_entries WHERE ord = 1")
        file.commit()
    with resources.override(database=sqlite.connect(half)):
        assert restore_drill.main([]) == 1
    assert "BROKEN" in capsys.readouterr().out
