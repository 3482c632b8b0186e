"""A restore drill, as complete as possible without Google Cloud: the database is from before a payment, the chain from
after it, and nobody is paid twice. It uses the embedded store, whose backup is a copy of its file."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from shared import resources
from shared.ops import after_restore
from shared.store.port import Database
from shared.store.session import Session
from shared.store.sqlite import database as sqlite
from shared.store.sqlite.database import SqliteDatabase
from shared.store.tables.transactions import LANES
from tests.emulated.desk.world import ETHER, Desk
from tests.support.stores import EMBEDDED

pytestmark = pytest.mark.skipif(not EMBEDDED, reason="a backup is a copy of the embedded store's file")


@pytest.fixture
def backup(database: Database, tmp_path: Path) -> Callable[[], Path]:
    """Take a backup: a copy of the current file."""
    assert isinstance(database, SqliteDatabase)
    source = database.file.path

    def take() -> Path:
        target = tmp_path / "backup.db"
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
        return target

    return take


@contextmanager
def restored(path: Path) -> Iterator[None]:
    with resources.override(database=sqlite.connect(path)):
        yield


def claimed(desk: Desk) -> tuple[str, str, str, Any]:
    """A claim that waits for payment from a wallet with a key here: the shopper, both addresses, the claim."""
    shopper, claimer = desk.person("shopper"), desk.person("claimer")
    wallet = desk.imported(shopper, ether=5)
    recipient = desk.wallet(claimer)
    desk.supply(shopper, "2", wallet_id=wallet)
    claim = desk.claimed(claimer, desk.order(shopper, "1")["id"])
    return shopper, desk.address(wallet), desk.address(recipient), claim


def test_a_payment_that_the_backup_has_forgotten_is_not_made_again(
    desk: Desk, backup: Callable[[], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    shopper, payer, recipient, claim = claimed(desk)
    copy = backup()
    desk.process(shopper, claim["id"])
    assert desk.drive(claim["id"], shopper)["status"] == "processed"
    assert desk.balance(recipient) == ETHER

    started = time.monotonic()
    with restored(copy):
        assert desk.get(f"/claims/{claim['id']}", shopper)["status"] == "claimed", "the backup knows better"
        assert after_restore.main(["pause"]) == 1
        assert f"local:{payer.lower()}: 1 sent, 0 known" in capsys.readouterr().out
        _work(desk, shopper, claim["id"])
        assert desk.balance(recipient) == ETHER, "paid twice"
        lane = Session(resources.database().snapshot()).one(LANES.get(f"local:{payer.lower()}"))
        assert lane.paused_reason == after_restore.RESTORED, "the engine let it go on by itself"
    assert time.monotonic() - started < 60


def test_without_the_pause_it_would_be(desk: Desk, backup: Callable[[], Path]) -> None:
    """The reason for the pause: this must not happen."""
    shopper, _, recipient, claim = claimed(desk)
    copy = backup()
    desk.process(shopper, claim["id"])
    desk.drive(claim["id"], shopper)
    with restored(copy):
        _work(desk, shopper, claim["id"])
        assert desk.balance(recipient) == 2 * ETHER


def test_what_was_not_forgotten_goes_on(desk: Desk, backup: Callable[[], Path]) -> None:
    shopper, _, recipient, claim = claimed(desk)
    with restored(backup()):
        assert after_restore.main(["pause"]) == 0
        desk.process(shopper, claim["id"])
        assert desk.drive(claim["id"], shopper)["status"] == "processed"
    assert desk.balance(recipient) == ETHER


def test_a_payment_with_a_nonce_in_the_backup_is_found_on_the_chain(
    desk: Desk, backup: Callable[[], Path]
) -> None:
    """The stored bytes equal the sent bytes: the restored engine finds them, and pays nothing."""
    shopper, _, recipient, claim = claimed(desk)
    desk.process(shopper, claim["id"])
    desk.app.schedule("tick_chain")
    copy = backup()
    assert desk.drive(claim["id"], shopper)["status"] == "processed"
    with restored(copy):
        after_restore.main(["pause"])
        assert desk.drive(claim["id"], shopper)["status"] == "processed"
    assert desk.balance(recipient) == ETHER


def test_an_address_is_released_by_hand(desk: Desk, backup: Callable[[], Path]) -> None:
    shopper, payer, _, claim = claimed(desk)
    copy = backup()
    desk.process(shopper, claim["id"])
    desk.drive(claim["id"], shopper)
    with restored(copy):
        after_restore.main(["pause"])
        lane = f"local:{payer.lower()}"
        assert after_restore.main(["release", "local:nobody"]) == 1
        assert after_restore.main(["release", lane]) == 0
        assert Session(resources.database().snapshot()).one(LANES.get(lane)).paused_reason is None


def _work(desk: Desk, shopper: str, claim_id: str) -> None:
    """The shopper requests the payment, and the engine runs."""
    desk.process(shopper, claim_id)
    for _ in range(6):
        desk.app.schedule("tick_chain")
        desk.rpc("anvil_mine", "0x1")
