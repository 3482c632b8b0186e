"""The second payment of an order over three wallets goes wrong: nobody is paid twice, and nothing is returned while it
may still be paid. The node mines only on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from shared import resources
from shared.domain.wallets.wallets import Wallet
from shared.store.session import Session
from shared.store.tables.supplies import SUPPLIES
from shared.store.tables.transactions import ATTEMPTS
from tests.emulated.desk.invariants import balanced
from tests.emulated.engine.world import ETHER, World
from tests.support.inprocess import Answer

OPERATOR: dict[str, Any] = {"user": "usr_operator", "roles": ("operator",)}
FRESH = {"Cache-Control": "no-cache"}
REFUSES = "0x60006000fd"  # code that reverts on all input
Books = tuple[int, int, int]  # available, reserved, settled, in ether


@dataclass
class Deal:
    """A claim in processing: three wallets owe the claimer one ether each."""

    world: World
    owner: str
    claimer: Wallet
    claim_id: str
    payers: list[Wallet]
    transactions: list[str]  # in the payers' order

    @property
    def claim(self) -> Any:
        return self.world.app.ok(200, "GET", f"/claims/{self.claim_id}", user=self.owner, headers=FRESH)

    @property
    def states(self) -> tuple[str, str]:
        claim = self.claim
        return claim["status"], claim["settlement"]["status"]

    @property
    def received(self) -> int:
        return self.world.balance(self.claimer.address)

    def books(self, payer: int) -> Books:
        (row,) = [one for one in self.world.rows(SUPPLIES) if one.address == self.payers[payer].address]
        return row.available // ETHER, row.reserved // ETHER, row.settled // ETHER

    def send(self, *payers: int) -> None:
        """Forward only these payments to the node."""
        for payer in payers:
            wanted = ("transaction.accepted", self.transactions[payer])
            (event,) = [e for _, e in self.world.published.sent if (e["type"], e["subject"]) == wanted]
            assert self.world.app.push("dispatch_lane", event).status == 204

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.world.mine()
            self.world.tick()

    def cancel(self) -> None:
        self.world.app.ok(200, "POST", f"/transactions/{self.transactions[1]}/cancel", **OPERATOR)

    def ask(self, what: str) -> Answer:
        path, body = f"/claims/{self.claim_id}/{what}-settlement", {"reason": "looked into"}
        answer = self.world.app.call("POST", path, body, **OPERATOR)
        if answer.status == 503:  # with one endpoint, proof takes two looks
            self.mine()
            answer = self.world.app.call("POST", path, body, **OPERATOR)
        return answer

    def refuses(self) -> None:
        """Check that retry and abandon are refused, and nothing moves."""
        before = self.claim, [self.books(payer) for payer in range(3)]
        for what in ("retry", "abandon"):
            answer = self.ask(what)
            assert (answer.status, answer.code) == (409, "INVALID_STATE"), answer.text
        assert before == (self.claim, [self.books(payer) for payer in range(3)])

    def end(self, how: str) -> None:
        """Retry pays only the second wallet's part; abandon returns it; then nothing more happens."""
        assert self.states == ("failed", "partial") and self.received == 2 * ETHER
        assert [self.books(payer) for payer in range(3)] == [(0, 0, 1), (0, 1, 0), (0, 0, 1)]
        answer = self.ask(how)
        assert answer.status == 200, answer.text
        rounds = Counter(payment["round"] for payment in answer.body["settlement"]["payments"])
        assert rounds == ({1: 3, 2: 1} if how == "retry" else {1: 3})
        self.refuses()
        self.mine(12)
        if how == "retry":
            self.paid()
        else:
            assert self.received == 2 * ETHER and self.claim["status"] == "failed"
            assert self.books(1) == (1, 0, 0)
            self.refuses()

    def paid(self) -> None:
        assert self.states == ("processed", "paid") and self.received == 3 * ETHER
        assert [self.books(payer) for payer in range(3)] == [(0, 0, 1)] * 3
        self.refuses()


@pytest.fixture
def deal(world: World) -> Iterator[Deal]:
    owner, claimer = "usr_owner", world.wallet(0)
    payers = [world.wallet(3 * ETHER, user=owner) for _ in range(3)]
    for payer in payers:
        body = {"currency": "ETH", "amount": "1", "wallet_id": payer.id}
        made = world.app.ok(201, "POST", "/supplies", body, user=owner)
        (event,) = [
            e for _, e in world.published.sent if e["type"] == "supply.created" and e["subject"] == made["id"]
        ]
        assert world.app.push("on_supply_created", event).status == 204
    item = {"product_id": "p", "product_name": "A thing", "price": "3", "quantity": 1}
    order = world.app.ok(201, "POST", "/orders", {"currency": "ETH", "items": [item]}, user=owner)
    claim = world.app.ok(201, "POST", "/claims", {"order_id": order["id"]}, user=claimer.user_id)
    started = world.app.ok(202, "POST", f"/claims/{claim['id']}/process", user=owner)
    of = {p["allocation_id"]: p["transaction_id"] for p in started["settlement"]["payments"]}
    by_wallet = {part["wallet_id"]: of[part["id"]] for part in order["allocations"]}
    yield Deal(world, owner, claimer, claim["id"], payers, [by_wallet[payer.id] for payer in payers])
    balanced(Session(resources.database().snapshot()))


def reverted(deal: Deal) -> None:
    """The first and the third are paid; the recipient refuses the second for a while."""
    deal.send(0, 2)
    deal.mine()
    deal.world.control("anvil_setCode", deal.claimer.address, REFUSES)
    deal.send(1)
    deal.world.mine()
    deal.world.control("anvil_setCode", deal.claimer.address, "0x")
    deal.world.tick()


@pytest.mark.parametrize("how", ["retry", "abandon"])
def test_the_second_payment_reverts(deal: Deal, how: str) -> None:
    reverted(deal)
    assert deal.claim["status"] == "processing"
    deal.refuses()  # not final: the block may disappear, and the payment may be mined again
    deal.mine(6)
    deal.end(how)
    assert deal.world.count(deal.payers[1].address) == (2 if how == "retry" else 1)


@pytest.mark.parametrize("how", ["retry", "abandon"])
@pytest.mark.parametrize("sent", [False, True], ids=["queued", "sent"])
def test_the_second_payment_is_cancelled(deal: Deal, sent: bool, how: str) -> None:
    deal.send(0, 2)
    if sent:
        deal.send(1)
    deal.cancel()
    deal.refuses()
    deal.world.tick()  # sends the no-op
    deal.mine(2)
    if sent:
        deal.refuses()  # the no-op is mined, and not final
    deal.mine(8)
    deal.end(how)
    assert deal.world.count(deal.payers[1].address) == sent + (how == "retry")


def test_a_cancelled_payment_that_is_mined_all_the_same_is_paid(deal: Deal) -> None:
    deal.send(0, 1, 2)
    deal.cancel()
    deal.world.mine()  # from before the no-op was sent
    deal.mine(8)
    deal.paid()


@pytest.mark.parametrize("how", ["top up", "retry", "abandon"])
def test_the_second_wallet_has_nothing_left_for_gas(deal: Deal, how: str) -> None:
    deal.world.control("anvil_setBalance", deal.payers[1].address, hex(ETHER))  # the amount, without the gas
    deal.send(0, 1, 2)
    deal.mine(12)
    assert deal.states == ("processing", "blocked") and deal.received == 2 * ETHER
    assert deal.books(1) == (0, 1, 0)
    deal.refuses()
    if how == "top up":
        deal.world.control("anvil_setBalance", deal.payers[1].address, hex(2 * ETHER))
        deal.mine(12)
        deal.paid()
        return
    deal.cancel()
    deal.world.control("anvil_setBalance", deal.payers[1].address, hex(2 * ETHER))  # a no-op needs gas too
    deal.mine(12)
    deal.end(how)


def reorganise(deal: Deal, *, final: bool = False) -> str:
    """Replace the second payment's block and all later ones by empty ones; returns the payment's bytes.

    `final`: deeper than anything that the engine follows."""
    deal.world.undone = final
    block = deal.world.row(deal.transactions[1]).mined_block_number
    assert block is not None
    deal.world.control("anvil_reorg", deal.world.head() - block + 1, [])
    deal.world.control("anvil_dropAllTransactions")
    (attempt,) = [one for one in deal.world.rows(ATTEMPTS) if one.transaction_id == deal.transactions[1]]
    return "0x" + str(attempt.raw.hex())


def second_is_later(deal: Deal) -> None:
    """The others are paid in earlier blocks, and nobody has looked yet."""
    deal.send(0, 2)
    deal.world.mine(4)
    deal.send(1)


def test_the_second_payment_is_reorganised_before_it_is_final(deal: Deal) -> None:
    second_is_later(deal)
    deal.mine(2)
    assert deal.books(1) == (0, 0, 1) and deal.claim["status"] == "processing"
    reorganise(deal)
    deal.world.tick()
    deal.mine()  # with one endpoint, proof takes two looks
    assert deal.books(1) == (0, 1, 0) and deal.states == ("processing", "partial")
    assert deal.received == 2 * ETHER
    deal.refuses()
    deal.mine(10)
    deal.paid()


def test_the_second_payment_is_reorganised_after_it_was_final(deal: Deal) -> None:
    """Nothing is undone or paid again; the bytes that others still have pay once."""
    second_is_later(deal)
    deal.mine(8)
    deal.paid()
    raw = reorganise(deal, final=True)
    deal.mine(8)
    assert deal.states == ("processed", "paid") and deal.received == 2 * ETHER
    deal.refuses()
    deal.world.control("eth_sendRawTransaction", raw)
    deal.mine(8)
    deal.paid()


def test_a_failed_payment_whose_final_block_is_gone_is_neither_paid_again_nor_returned(deal: Deal) -> None:
    reverted(deal)
    deal.mine(8)
    assert deal.states == ("failed", "partial")
    raw = reorganise(deal, final=True)
    deal.world.control("anvil_setCode", deal.claimer.address, "0x")
    deal.refuses()
    deal.mine(8)
    deal.refuses()
    deal.world.control("eth_sendRawTransaction", raw)
    deal.mine(8)
    assert deal.received == 3 * ETHER, "what was a failure has paid"
    deal.refuses()


@pytest.mark.parametrize("how", ["retry", "abandon"])
def test_a_failed_payment_that_fails_again_in_another_final_block_is_settled(deal: Deal, how: str) -> None:
    reverted(deal)
    deal.mine(8)
    raw = reorganise(deal, final=True)
    deal.world.control("anvil_setCode", deal.claimer.address, REFUSES)
    deal.world.control("eth_sendRawTransaction", raw)
    deal.world.mine()
    deal.world.control("anvil_setCode", deal.claimer.address, "0x")
    deal.refuses()
    deal.mine(8)
    deal.end(how)
