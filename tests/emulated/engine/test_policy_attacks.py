"""Attacks that once passed a policy, over HTTP and on the node: each is refused, and nothing moves."""

from __future__ import annotations

from typing import Any

import pytest

from shared.chain import tokens
from shared.domain.wallets.wallets import Wallet
from tests.emulated.engine import contracts
from tests.emulated.engine.world import ETHER, GWEI, World

FRIEND, THIEF = "0x00000000000000000000000000000000000000F1", "0x000000000000000000000000000000000000dEaD"


def policy(world: World, wallet: Wallet, **rules: Any) -> None:
    world.app.ok(200, "PUT", f"/wallets/{wallet.id}/policy", rules, user=wallet.user_id)


def rule(world: World, wallet: Wallet, **body: Any) -> str:
    answer = world.app.call("POST", "/transactions", {"wallet_id": wallet.id} | body, user=wallet.user_id)
    assert (answer.status, answer.code) == (422, "POLICY_DENIED"), answer.text
    return str(answer.body["error"]["data"]["rule"])


@pytest.mark.parametrize("tail", ["", "00", "00" * 32, "ff" * 7])
def test_a1_a_listed_token_is_no_way_around_its_limit(world: World, tail: str) -> None:
    wallet = world.wallet()
    token = contracts.token(world)
    policy(
        world, wallet, limits=[{"asset": token, "max_per_transaction": "10", "max_per_day": "15"}],
        allowed_recipients=[FRIEND], allowed_contracts=[token], allowed_selectors=["0xa9059cbb"],
    )  # fmt: skip
    everything = "0x" + tokens.transfer(THIEF, contracts.HELD).hex() + tail
    assert rule(world, wallet, to=token, data=everything) == "allowed_recipients"
    assert (
        rule(world, wallet, to=token, data="0x" + tokens.transfer(FRIEND, 11).hex() + tail)
        == "max_per_transaction"
    )
    approve = "0x095ea7b3" + tokens.transfer(FRIEND, 1).hex()[8:] + tail
    assert rule(world, wallet, to=token, data=approve) == "allowed_selectors"
    assert rule(world, wallet, to=token, data="0xdeadbeef" + tail) == "unreadable_call"
    within = {"wallet_id": wallet.id, "to": token, "data": "0x" + tokens.transfer(FRIEND, 10).hex() + tail}
    world.app.ok(202, "POST", "/transactions", within, user=wallet.user_id)
    assert rule(world, wallet, **within) == "max_per_day"
    world.settle()


def test_a9_a_paused_wallet_burns_nothing_in_no_ops(world: World) -> None:
    wallet = world.wallet()
    policy(world, wallet, paused=True)
    keys = [f"0x{number:064x}" for number in range(256)]
    listed = [{"address": THIEF, "storage_keys": keys}] * 3
    body = {"to": wallet.address, "value": "0", "gas": 2_000_000, "access_list": listed}
    assert rule(world, wallet, **body) == "paused"
    assert rule(world, wallet, to=wallet.address, value="0") == "paused"
    assert world.balance(wallet.address) == 10 * ETHER


def test_a10_gas_counts_and_what_it_did_not_cost_is_given_back(world: World) -> None:
    wallet = world.wallet()
    fees = {"max_fee_per_gas": str(20 * GWEI), "max_priority_fee_per_gas": str(GWEI)}
    policy(world, wallet, limits=[{"asset": "native", "max_per_day": "1"}])
    assert rule(world, wallet, to=FRIEND, value="1", **fees) == "max_per_day"
    assert rule(world, wallet, to=wallet.address, value="0", **fees) == "max_per_day"
    other = world.wallet()
    most = 2 * 21_000 * 20 * GWEI  # with room for replacements
    policy(world, other, max_fee_per_day=str(most))
    world.later(120)  # a booking within a minute of the limit is never given back
    sent = world.send(other, FRIEND, ETHER, **fees)
    assert rule(world, other, to=FRIEND, value="0", **fees) == "max_fee_per_day"
    world.settle()
    row = world.row(sent["id"])
    paid = (row.gas_used or 0) * (row.effective_gas_price or 0)
    assert 0 < paid < most // 2
    world.send(other, FRIEND, 1, max_fee_per_gas=str((most - paid) // 42_000), max_priority_fee_per_gas="1")
    assert rule(world, other, to=FRIEND, value="0", **fees) == "max_fee_per_day"
    world.settle()
