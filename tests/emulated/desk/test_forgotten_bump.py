"""A restored database has forgotten that a payment was sped up. Its node mines only when the test says so, because the
first bytes must not be mined."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulators.client import wait_for
from shared import resources
from shared.ops import after_restore, quorum
from tests.emulated.conftest import Recorder
from tests.emulated.desk.test_forgotten_payments import Backup, needs_file, settle, sold
from tests.emulated.desk.world import ETHER, Desk
from tests.support.inprocess import App
from tests.support.own_node import anvil


@pytest.fixture
def desk(app: App, published: Recorder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with anvil("--no-mining", "--accounts", "1") as node:
        settings = replace(resources.settings(), rpc_urls={"local": (node,)})
        made = Desk(app, published, node)
        monkeypatch.setattr(quorum, "sleep", lambda _: made.rpc("anvil_mine", "0x1"))  # for two heads
        with resources.override(settings=settings):
            yield made


def bumped(desk: Desk, path: str, user: str) -> bool:
    attempts = desk.get(path, user)["attempts"]
    return len(attempts) == 2 and all(one["sent_at"] for one in attempts)


@needs_file
def test_a_bump_that_the_backup_has_forgotten_is_no_reason_to_pay_again(desk: Desk, tmp_path: Path) -> None:
    """The backup knows the first bytes; the chain has the second ones, which look like a foreign transaction. Giving
    the nonce up must not lead to a retry of the claim: the product records the actual payment without the nonce,
    because the other row keeps it."""
    sale = sold(desk)
    desk.process(sale.shopper, sale.claim["id"])
    desk.app.schedule("tick_chain")
    (part,) = desk.get(f"/claims/{sale.claim['id']}", sale.shopper)["settlement"]["payments"]
    path = f"/transactions/{part['transaction_id']}"
    backup = Backup(tmp_path)
    operator: Any = {"user": "ops", "roles": ("operator",)}
    desk.app.ok(200, "POST", f"{path}/speed-up", **operator)
    wait_for("the second bytes", lambda: desk.app.schedule("tick_chain") and bumped(desk, path, sale.shopper))
    desk.drive(sale.claim["id"], sale.shopper)
    second = desk.get(path, sale.shopper)["attempts"][1]["hash"]
    assert desk.get(path, sale.shopper)["hash"] == second
    with backup.restored():
        after_restore.main(["pause"])
        for _ in range(8):
            desk.app.schedule("tick_chain")
            desk.rpc("anvil_mine", "0x2")
        assert desk.get(path, sale.shopper)["blocked_reason"] == "FOREIGN_NONCE"
        while desk.app.call("POST", f"{path}/cancel", **operator).status == 503:  # the proof takes two heads
            desk.rpc("anvil_mine", "0x1")
        assert desk.get(f"/claims/{sale.claim['id']}", sale.claimer)["status"] == "failed"
        assert settle(sale.claim["id"], second) == 0
        assert desk.get(f"/claims/{sale.claim['id']}", sale.claimer)["status"] == "processed"
    assert desk.balance(sale.recipient) == ETHER
