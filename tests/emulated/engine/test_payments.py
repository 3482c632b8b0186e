"""Payments of a settlement: paid once, followed by their claim in the same commit, also if a block disappears."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from shared.domain.wallets.wallets import Wallet
from shared.store.tables.supplies import FUNDS, LEDGER, SUPPLIES
from shared.store.tables.transactions import TRANSACTIONS
from tests.emulated.engine.world import ETHER, World

FRESH = {"Cache-Control": "no-cache"}
OPERATOR: dict[str, Any] = {"user": "usr_operator", "roles": ("operator",)}


@dataclass
class Deal:
    """A claim in processing: `payer` owes `claimer` one ether."""

    world: World
    payer: Wallet
    claimer: Wallet
    claim_id: str

    @property
    def claim(self) -> Any:
        path = f"/claims/{self.claim_id}"
        return self.world.app.ok(200, "GET", path, user=self.payer.user_id, headers=FRESH)

    @property
    def order(self) -> Any:
        path = f"/orders/{self.claim['order_id']}"
        return self.world.app.ok(200, "GET", path, user=self.payer.user_id, headers=FRESH)

    @property
    def supply(self) -> Any:
        (row,) = self.world.rows(SUPPLIES)
        return row

    @property
    def payment(self) -> str:
        (row,) = self.world.rows(TRANSACTIONS)
        return str(row.id)


@pytest.fixture
def deal(world: World) -> Deal:
    payer, claimer = world.wallet(10 * ETHER), world.wallet(0)
    body: dict[str, Any] = {"currency": "ETH", "amount": "2"}
    made = world.app.ok(201, "POST", "/supplies", body, user=payer.user_id)
    event = next(one for _, one in world.published.sent if one["type"] == "supply.created")
    assert world.app.push("on_supply_created", event).status == 204
    item = {"product_id": "p", "product_name": "A thing", "price": "1", "quantity": 1}
    order = world.app.ok(201, "POST", "/orders", {"currency": "ETH", "items": [item]}, user=payer.user_id)
    claim = world.app.ok(201, "POST", "/claims", {"order_id": order["id"]}, user=claimer.user_id)
    world.app.ok(202, "POST", f"/claims/{claim['id']}/process", user=payer.user_id)
    assert made["status"] == "pending"
    return Deal(world, payer, claimer, claim["id"])


def balanced(world: World) -> None:
    """Check that every supply adds up and agrees with the ledger."""
    for supply in world.rows(SUPPLIES):
        assert supply.available + supply.reserved + supply.settled == supply.amount
        entries = [one for one in world.rows(LEDGER) if one.supply_id == supply.id]
        for account in ("available", "reserved", "settled"):
            assert sum(one.amount for one in entries if one.account == account) == getattr(supply, account)


def test_a_payment_settles_its_claim(world: World, deal: Deal) -> None:
    (row,) = world.rows(TRANSACTIONS)
    assert (row.tenant, row.idem_key) == ("settlement", f"settle:{deal.claim_id}:{row.allocation_id}:1")
    (funds,) = world.rows(FUNDS)
    assert funds.in_flight == ETHER + row.committed_gas
    assert funds.committed == 2 * ETHER + row.committed_gas
    world.settle()
    assert deal.claim["status"] == "processed" and deal.claim["settlement"]["status"] == "paid"
    assert deal.order["status"] == "completed"
    assert world.balance(deal.claimer.address) == ETHER
    (funds,) = world.rows(FUNDS)
    assert (funds.in_flight, funds.committed) == (0, ETHER)
    assert (deal.supply.reserved, deal.supply.settled) == (0, ETHER)
    balanced(world)


def test_a_confirmed_payment_can_be_taken_back(world: World, deal: Deal) -> None:
    world.hints()
    world.mine()
    world.tick()
    world.mine()
    world.tick()
    assert world.row(deal.payment).state == "confirmed" and not world.row(deal.payment).finalized
    assert deal.supply.settled == ETHER and deal.claim["status"] == "processing"
    balanced(world)
    world.control("anvil_reorg", 2, [])
    world.control("anvil_dropAllTransactions")
    world.tick()
    world.mine()
    world.tick()
    assert world.row(deal.payment).state == "submitted"
    assert (deal.supply.reserved, deal.supply.settled) == (ETHER, 0)
    (funds,) = world.rows(FUNDS)
    assert funds.committed == 2 * ETHER + world.row(deal.payment).committed_gas
    balanced(world)
    world.settle(30)
    assert deal.claim["status"] == "processed"
    assert world.balance(deal.claimer.address) == ETHER and world.count(deal.payer.address) == 1
    balanced(world)


def test_a_payment_without_funds_is_blocked_until_a_top_up(world: World, deal: Deal) -> None:
    world.control("anvil_setBalance", deal.payer.address, "0x0")
    world.hints()
    assert world.row(deal.payment).blocked_reason == "FUNDS_BLOCKED"
    assert deal.claim["settlement"]["status"] == "blocked"
    world.mine(3)
    world.control("anvil_setBalance", deal.payer.address, hex(5 * ETHER))
    world.mine(2)
    world.tick()
    assert deal.claim["settlement"]["status"] == "pending"
    world.settle()
    assert deal.claim["settlement"]["status"] == "paid"
    assert world.balance(deal.claimer.address) == ETHER
    balanced(world)


def test_only_an_operator_may_undo_a_payment(world: World, deal: Deal) -> None:
    path = f"/transactions/{deal.payment}/cancel"
    denied = world.app.call("POST", path, user=deal.payer.user_id)
    assert (denied.status, denied.code) == (409, "SETTLEMENT_TRANSACTION")
    faster = world.app.call("POST", path.replace("cancel", "speed-up"), user=deal.payer.user_id)
    assert (faster.status, faster.code) == (409, "SETTLEMENT_TRANSACTION")
    world.hints()
    world.app.ok(200, "POST", path, **OPERATOR)
    world.tick()
    world.settle()
    assert world.row(deal.payment).state == "cancelled"
    claim = deal.claim
    assert (claim["status"], claim["settlement"]["status"]) == ("failed", "failed")
    assert (deal.supply.reserved, deal.supply.settled) == (ETHER, 0)
    assert world.balance(deal.claimer.address) == 0
    (funds,) = world.rows(FUNDS)
    assert (funds.in_flight, funds.committed) == (0, 2 * ETHER)
    balanced(world)


def test_a_payment_that_was_never_sent_can_be_undone_at_once(world: World, deal: Deal) -> None:
    world.app.ok(200, "POST", f"/transactions/{deal.payment}/cancel", **OPERATOR)
    assert deal.claim["status"] == "failed"
    world.settle()
    assert world.count(deal.payer.address) == 0
    balanced(world)


def test_a_send_cannot_eat_what_supplies_hold(world: World, deal: Deal) -> None:
    body = {"wallet_id": deal.payer.id, "to": deal.claimer.address, "value": str(17 * ETHER // 2)}
    denied = world.app.call("POST", "/transactions", body, user=deal.payer.user_id)
    assert (denied.status, denied.code) == (409, "FUNDS_COMMITTED"), denied.text
    world.settle()
