"""Other kinds of chains: legacy fees, access lists, few pool places per account; and the run's own node in real
time."""

from __future__ import annotations

import time
from typing import Any

from eth_account import Account

from shared.keys.raw_transactions import decode_signed
from shared.store.tables.transactions import ATTEMPTS, LANES
from tests.emulated.engine.world import ETHER, GWEI, World

TARGET = "0x" + "fee1" * 10


def test_a_transaction_on_a_legacy_chain_is_confirmed(world: World, changed: Any) -> None:
    changed(fee_kind="legacy")
    wallet = world.wallet()
    sent = world.send(wallet, TARGET, 5)["id"]
    chosen = world.send(wallet, TARGET, 6, gas_price=str(3 * GWEI))["id"]
    wrong = world.app.call(
        "POST",
        "/transactions",
        {"to": TARGET, "max_fee_per_gas": "9", "max_priority_fee_per_gas": "1"},
        user=wallet.user_id,
    )
    assert (wrong.status, wrong.code) == (422, "INVALID_FEE")
    world.settle()
    for one in (sent, chosen):
        decoded, _ = decode_signed(world.attempts(one)[0].raw)
        assert decoded.type == 0 and decoded.chain_id == 31337
    shown = world.get(wallet, chosen)
    assert shown["attempts"][0]["gas_price"] == str(3 * GWEI)
    assert shown["attempts"][0]["max_fee_per_gas"] is None and shown["status"] == "confirmed"
    price = world.app.ok(200, "GET", "/transactions/gas-price", user=wallet.user_id)
    assert price["base_fee"] is None and int(price["average"]["gas_price"]) > 0


def test_confirmed_and_final_by_the_tags_of_the_chain(world: World, changed: Any) -> None:
    wallet = world.wallet()
    world.mine(70)  # the balance is read at the confirmed block
    changed(confirmations="safe", has_finalized=True)
    sent = world.send(wallet, TARGET, 5)["id"]
    world.hints()
    world.mine(4)
    world.tick()
    assert world.row(sent).state == "mined"
    _mine_until(world, sent, "safe")
    world.tick()
    assert (world.row(sent).state, world.row(sent).finalized) == ("confirmed", False)
    _mine_until(world, sent, "finalized")
    world.tick()
    world.mine()
    world.tick()
    assert world.row(sent).finalized


def _mine_until(world: World, sent: str, tag: str) -> None:
    """Look once while the tag has not reached the transaction's block, then mine until it has."""
    number = world.row(sent).mined_block_number or 0
    for _ in range(100):
        if int(world.control("eth_getBlockByNumber", tag, False)["number"], 16) > number:
            break
        world.mine()
    world.tick()  # with one endpoint, proof takes two looks
    world.mine()


def test_nothing_is_signed_for_a_node_of_another_chain(world: World, changed: Any) -> None:
    wallet = world.wallet()
    sent = world.send(wallet, TARGET, 5)["id"]
    changed(chain_id=1)
    refused = world.app.call("POST", "/transactions", {"to": TARGET, "value": "1"}, user=wallet.user_id)
    assert refused.status == 503
    world.tick()
    assert world.row(sent).state == "accepted" and not world.rows(ATTEMPTS)
    changed(chain_id=31337)
    world.settle()
    assert world.row(sent).state == "confirmed"


def test_an_access_list_is_signed_and_paid_for(world: World) -> None:
    wallet = world.wallet()
    entry = {"address": TARGET, "storage_keys": ["0x" + "01" * 32]}
    sent = world.send(wallet, TARGET, 5, access_list=[entry])["id"]
    world.settle()
    decoded, _ = decode_signed(world.attempts(sent)[0].raw)
    assert decoded.access_list == ((bytes.fromhex(TARGET[2:]), (bytes.fromhex("01" * 32),)),)
    assert world.row(sent).gas_used == 21_000 + 2_400 + 1_900


def test_no_more_than_the_places_of_an_account_are_taken(world: World, changed: Any) -> None:
    changed(max_inflight=4)
    wallet = world.wallet()
    sent = [world.send(wallet, TARGET, number + 1)["id"] for number in range(10)]
    world.hints()
    world.tick()
    (lane,) = world.rows(LANES)
    assert lane.next_nonce == 4
    assert [world.row(one).state for one in sent[3:5]] == ["submitted", "accepted"]
    world.mine()
    world.tick()
    (lane,) = world.rows(LANES)
    assert (lane.chain_nonce, lane.next_nonce) == (4, 8)
    world.settle(20)
    assert [world.row(one).nonce for one in sent] == list(range(10))


def test_on_a_node_that_mines_by_itself(running_world: World) -> None:
    world, target = running_world, Account.create().address
    wallet = world.wallet(5 * ETHER)
    sent = [world.send(wallet, target, number + 1)["id"] for number in range(10)]
    world.hints()
    deadline = time.monotonic() + 30
    while not all(world.row(one).finalized for one in sent):
        assert time.monotonic() < deadline
        world.tick()
        time.sleep(0.2)
    assert {world.row(one).state for one in sent} == {"confirmed"}
    assert world.balance(target) == 55
