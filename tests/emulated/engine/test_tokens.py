"""Tokens, reverted calls and changed policies: where each is booked, and what is refused before it gets a nonce."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from shared.chain import tokens
from shared.store.tables.supplies import FUNDS
from shared.store.tables.transactions import RECEIPTS
from tests.emulated.engine import contracts
from tests.emulated.engine.contracts import LOGGED, NOTHING
from tests.emulated.engine.world import World

TARGET = to_checksum_address("0x" + "c0ffee" * 6 + "c0ff")
CONTRACTS = Path(__file__).parents[1] / "chain" / "contracts"


def test_a_reverted_call_is_so_only_at_depth(world: World) -> None:
    wallet, other = world.wallet(), world.wallet()
    token = deployed(world, other)
    body = {
        "wallet_id": wallet.id, "to": token, "gas": 100_000,
        "data": "0x" + tokens.transfer(TARGET, 5).hex(),
    }  # fmt: skip
    refused = world.app.call("POST", "/transactions", body, user=wallet.user_id)
    assert (refused.status, refused.code) == (422, "SIMULATION_FAILED"), refused.text
    give(world, other, token, wallet.address, 5)
    sent = world.app.ok(202, "POST", "/transactions", body, user=wallet.user_id)["id"]
    give_back = body | {"data": "0x" + tokens.transfer(other.address, 5).hex()}
    first = world.app.ok(202, "POST", "/transactions", give_back, user=wallet.user_id)["id"]
    world.hints()
    world.mine()
    world.tick()
    assert {world.row(one).state for one in (sent, first)} == {"mined"}
    world.settle()
    assert world.row(sent).state == "confirmed"
    late = world.row(first)
    assert (late.state, late.error) == ("reverted", "EXECUTION_REVERTED")
    assert late.gas_used and late.gas_used < 100_000


def test_tokens_move_and_are_booked_on_their_own_row(world: World) -> None:
    wallet = world.wallet()
    token = deployed(world, wallet)
    body = {"wallet_id": wallet.id, "to": TARGET, "token": {"address": token, "amount": "700"}}
    sent = world.app.ok(202, "POST", "/transactions", body, user=wallet.user_id)
    assert (
        sent["token"] == {"address": token, "type": "erc20", "amount": "700", "token_id": None}
        and sent["to"] == TARGET
    )
    assert sent["value"] == "0"
    held = {row.token_address: row.in_flight for row in world.rows(FUNDS)}
    assert held[token] == 700
    world.settle()
    done = world.get(wallet, sent["id"])
    assert done["status"] == "confirmed"
    receipt = world.app.ok(200, "GET", f"/transactions/{sent['id']}/receipt", user=wallet.user_id)
    assert receipt["logs"][0]["name"] == "Transfer"
    assert receipt["logs"][0]["arguments"]["value"] == "700"
    (kept,) = [row for row in world.rows(RECEIPTS) if row.transaction_id == sent["id"]]
    assert (kept.logs[0]["name"], kept.logs[0]["arguments"]["value"]) == ("Transfer", "700")
    too_much = world.app.call(
        "POST",
        "/transactions",
        {"to": TARGET, "token": {"address": token, "amount": str(10**30)}},
        user=wallet.user_id,
    )
    assert too_much.status == 422


def deployed(world: World, owner: Any) -> str:
    """The test token, created through the product; its owner holds the supply."""
    artifact = json.loads((CONTRACTS / "TestToken.json").read_text())
    body = {"wallet_id": owner.id, "to": None, "data": artifact["bytecode"]}
    sent = world.app.ok(202, "POST", "/transactions", body, user=owner.user_id)["id"]
    world.settle()
    address = world.get(owner, sent)["contract_address"]
    assert address
    return str(address)


def give(world: World, owner: Any, token: str, to: str, amount: int) -> None:
    body = {"wallet_id": owner.id, "to": to, "token": {"address": token, "amount": str(amount)}}
    world.app.ok(202, "POST", "/transactions", body, user=owner.user_id)
    world.settle()


@pytest.mark.parametrize("paused", [True, False])
def test_a_policy_that_changes_is_asked_again_before_signing(world: World, paused: bool) -> None:
    wallet = world.wallet()
    sent = world.send(wallet, TARGET, 5)["id"]
    limits = [] if paused else [{"asset": "native", "max_per_transaction": "4", "max_per_day": None}]
    world.app.ok(
        200,
        "PUT",
        f"/wallets/{wallet.id}/policy",
        {"paused": paused, "limits": limits},
        user=wallet.user_id,
    )
    world.tick()
    row = world.row(sent)
    assert (row.state, row.error, row.nonce) == ("rejected", "POLICY_DENIED", None)
    denied = world.app.call("POST", "/transactions", {"to": TARGET, "value": "5"}, user=wallet.user_id)
    assert (denied.status, denied.code) == (422, "POLICY_DENIED")
    (funds,) = world.rows(FUNDS)
    assert funds.committed == 0


def test_a_token_that_answers_nothing_but_logs_its_transfer_is_taken(world: World) -> None:
    """USDT behaves like this."""
    wallet, token = world.wallet(), contracts.token(world, LOGGED + NOTHING)
    body = {"to": TARGET, "token": {"address": token, "amount": "5"}}
    sent = world.app.ok(202, "POST", "/transactions", body, user=wallet.user_id)["id"]
    world.settle()
    assert world.row(sent).state == "confirmed"
    receipt = world.app.ok(200, "GET", f"/transactions/{sent}/receipt", user=wallet.user_id)
    assert receipt["logs"][0]["arguments"] == {
        "from": wallet.address.lower(), "to": TARGET.lower(), "value": "5",
    }  # fmt: skip
