"""A restored database has forgotten a payment of a claim. The product settles the claim from the chain, never from
somebody's word."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared import resources
from shared.ops import after_restore, quorum, settle_claim
from shared.store.session import Session
from shared.store.sqlite import database as sqlite
from shared.store.sqlite.database import SqliteDatabase
from shared.store.tables import system
from shared.store.tables.supplies import FUNDS
from tests.emulated.desk.world import ETHER, Desk, figures
from tests.support.stores import EMBEDDED

needs_file = pytest.mark.skipif(not EMBEDDED, reason="a backup is a copy of the embedded store's file")


@dataclass
class Sale:
    shopper: str
    claimer: str
    payer: str
    wallet: str
    recipient: str
    supply: str
    claim: Any

    @property
    def lane(self) -> str:
        return f"local:{self.payer.lower()}"


def sold(desk: Desk, ether: float = 5) -> Sale:
    shopper, claimer = desk.person("shopper"), desk.person("claimer")
    wallet, recipient = desk.imported(shopper, ether=ether), desk.wallet(claimer)
    supply = desk.supply(shopper, "2", wallet_id=wallet)["id"]
    claim = desk.claimed(claimer, desk.order(shopper, "1")["id"])
    return Sale(shopper, claimer, desk.address(wallet), wallet, desk.address(recipient), supply, claim)


def paid(desk: Desk, sale: Sale) -> str:
    """Pay the claim; returns the transaction's hash."""
    desk.process(sale.shopper, sale.claim["id"])
    seen = desk.drive(sale.claim["id"], sale.shopper)
    assert seen["status"] == "processed"
    (part,) = seen["settlement"]["payments"]
    return str(desk.get(f"/transactions/{part['transaction_id']}", sale.shopper)["hash"])


@pytest.fixture(autouse=True)
def blocks(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one node, an answer counts as evidence if it is seen at two heads: a wait for a block gets one at once."""
    monkeypatch.setattr(quorum, "sleep", lambda _: desk.rpc("anvil_mine", "0x1"))


class Backup:
    """A copy of the current database."""

    def __init__(self, folder: Path) -> None:
        database = resources.database()
        assert isinstance(database, SqliteDatabase)
        self.path = folder / "backup.db"
        with closing(sqlite3.connect(database.file.path)) as old, closing(sqlite3.connect(self.path)) as new:
            old.backup(new)

    def restored(self) -> Any:
        return resources.override(database=sqlite.connect(self.path))


def sent_by(desk: Desk, payer: str, to: str, wei: int) -> str:
    """Send a transfer that the product does not know, from an address that the node impersonates; returns its hash."""
    desk.rpc("anvil_impersonateAccount", payer)
    order = {"from": payer, "to": to, "value": hex(wei), "gas": hex(21_000)}
    tx = str(desk.rpc("eth_sendTransaction", order))
    desk.rpc("anvil_mine", "0x8")
    return tx


def settle(claim: str, *hashes: str) -> int:
    return settle_claim.main([claim, *hashes, "--by", "op@example.com"])


@needs_file
def test_a_forgotten_payment_settles_its_claim_once(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sale = sold(desk)
    backup = Backup(tmp_path)
    tx = paid(desk, sale)
    with backup.restored():
        after_restore.main(["pause"])
        assert after_restore.main(["payments"]) == 0
        assert f"{sale.lane} nonce 0: {tx} pays {sale.claim['id']}\n" in capsys.readouterr().out
        assert settle(sale.claim["id"], tx) == 0, capsys.readouterr().err
        assert after_restore.main(["payments"]) == 0
        assert tx not in capsys.readouterr().out
        seen = desk.get(f"/claims/{sale.claim['id']}", sale.claimer)
        assert (seen["status"], seen["settlement"]["status"]) == ("processed", "paid")
        assert desk.get(f"/orders/{sale.claim['order_id']}", sale.shopper)["status"] == "completed"
        assert figures(desk.get(f"/supplies/{sale.supply}", sale.shopper)) == ("2", "1", "0", "1")
        row = desk.get(f"/transactions/{seen['settlement']['payments'][0]['transaction_id']}", sale.shopper)
        assert (row["status"], row["hash"], row["nonce"]) == ("confirmed", tx, 0)
        kinds = desk.events(sale.claimer)
        assert "claim.processed" in kinds
        assert settle(sale.claim["id"], tx) == 1, "settled twice"
        assert "Nothing has changed" in capsys.readouterr().err
        rows = Session(resources.database().snapshot()).many(system.AUDIT.scan())
        (entry,) = [one for one in rows if one.action == "settle_claim"]
        assert entry.details["after"] == {"status": "processed", "paid_by": [tx]}
        assert entry.details["operator"]["by"] == "op@example.com"
        # the address continues, and pays the next claim
        after_restore.main(["release", sale.lane])
        other = desk.claimed(desk.claimer(), desk.order(sale.shopper, "0.5")["id"])
        desk.process(sale.shopper, other["id"])
        assert desk.drive(other["id"], sale.shopper)["status"] == "processed"
    assert desk.balance(sale.recipient) == ETHER


def test_what_is_not_this_payment_settles_nothing(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    sale, other = sold(desk), sold(desk)
    elsewhere = desk.address(desk.wallet(desk.claimer()))
    said = {
        "0x" + "ab" * 32: "No node shows",
        sent_by(desk, sale.payer, sale.recipient, ETHER // 2): "not 1000000000000000000",
        sent_by(desk, sale.payer, elsewhere, ETHER): "not 1000000000000000000",
        sent_by(desk, other.payer, sale.recipient, ETHER): "It was sent by",
    }
    for tx, why in said.items():
        assert settle(sale.claim["id"], tx) == 1
        err = capsys.readouterr().err
        assert "NOT_EVIDENCE" in err and why in err
    assert desk.get(f"/claims/{sale.claim['id']}", sale.claimer)["status"] == "claimed"
    assert figures(desk.get(f"/supplies/{sale.supply}", sale.shopper)) == ("2", "1", "1", "0")


def test_one_transaction_settles_one_claim(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Two claims of one claimer, of one amount, from one wallet: each needs its own payment."""
    sale = sold(desk)
    second = desk.claimed(sale.claimer, desk.order(sale.shopper, "1")["id"])
    tx = sent_by(desk, sale.payer, sale.recipient, ETHER)
    assert settle(sale.claim["id"], tx) == 0
    assert settle(second["id"], tx) == 1
    assert "paid something else" in capsys.readouterr().err
    assert desk.get(f"/claims/{second['id']}", sale.claimer)["status"] == "claimed"


@needs_file
def test_a_payment_that_waits_in_a_stopped_lane_is_not_sent_any_more(desk: Desk, tmp_path: Path) -> None:
    sale = sold(desk)
    backup = Backup(tmp_path)
    tx = paid(desk, sale)
    with backup.restored():
        after_restore.main(["pause"])
        desk.process(sale.shopper, sale.claim["id"])  # somebody asks again: it waits
        desk.app.schedule("tick_chain")
        assert settle(sale.claim["id"], tx) == 0
        assert desk.get(f"/claims/{sale.claim['id']}", sale.claimer)["status"] == "processed"
        after_restore.main(["release", sale.lane])
        for _ in range(4):
            desk.app.schedule("tick_chain")
            desk.rpc("anvil_mine", "0x1")
        assert desk.balance(sale.recipient) == ETHER
        (funds,) = Session(resources.database().snapshot()).many(FUNDS.get_many([(sale.payer, "local", "")]))
        assert funds.in_flight == 0 and funds.committed == ETHER


def test_what_was_not_found_of_several_payments_stays_reserved(desk: Desk) -> None:
    """Two supplies pay one order; one payment is on the chain. The claim fails; the rest is retried or abandoned."""
    shopper, claimer = desk.person("shopper"), desk.person("claimer")
    first, second = desk.imported(shopper, ether=5), desk.imported(shopper, ether=5)
    recipient = desk.address(desk.wallet(claimer))
    for wallet in (first, second):
        desk.supply(shopper, "1", wallet_id=wallet)
    claim = desk.claimed(claimer, desk.order(shopper, "2")["id"])
    tx = sent_by(desk, desk.address(first), recipient, ETHER)
    assert settle(claim["id"], tx) == 0
    seen = desk.get(f"/claims/{claim['id']}", claimer)
    assert (seen["status"], seen["settlement"]["status"]) == ("failed", "partial")
    assert sorted(part["status"] for part in seen["settlement"]["payments"]) == ["cancelled", "paid"]
    other = sent_by(desk, desk.address(second), recipient, ETHER)
    assert settle(claim["id"], other) == 0
    assert desk.get(f"/claims/{claim['id']}", claimer)["status"] == "processed"
    assert desk.balance(recipient) == 2 * ETHER
