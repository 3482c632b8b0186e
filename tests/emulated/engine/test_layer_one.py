"""Chains on which layer 1 takes a fee in addition to gas: accepted transactions cover it, and none is accepted without
the oracle's answer.

anvil takes no such fee; a contract at the address of the chain's fee oracle gives its amount.
"""

from __future__ import annotations

from typing import Any

import pytest

from shared import resources
from shared.chain import op_stack_fees
from shared.chain.registry import Registry
from shared.chain.rpc import RpcClient
from shared.domain.wallets.wallets import Wallet
from shared.engine import accept_payment
from shared.engine.intents import Sender
from shared.store.tables.supplies import FUNDS
from shared.store.tables.transactions import LANES, TRANSACTIONS
from tests.emulated.engine import contracts
from tests.emulated.engine.contracts import NOTHING, REVERT, short, word
from tests.emulated.engine.world import ETHER, World

TARGET = "0x000000000000000000000000000000000000dEaD"
ORACLE = Registry.DEFAULT.chain("base").fee_oracle or ""
WEI_PER_BYTE = 10**13
PRICED = "6004356509184e72a000025f5260205ff3"  # the argument × WEI_PER_BYTE
PLAIN = op_stack_fees.FIXED_BYTES * WEI_PER_BYTE


def oracle(world: World, end: str) -> None:
    """Deploy a contract that ends getL1FeeUpperBound(uint256) with `end` and has no other function."""
    code = "0x5f3560e01c63f1c7a58b14601157" + REVERT + "5b" + end
    world.control("anvil_setCode", ORACLE, code if end else "0x")


def post(world: World, wallet: Wallet, value: int, path: str = "", **more: Any) -> Any:
    body = {"wallet_id": wallet.id, "to": TARGET, "value": str(value)} | more
    return world.app.call("POST", f"/transactions{path}", body, user=wallet.user_id)


def held(world: World, value: int, **more: Any) -> int:
    """The gas cost in wei that a new wallet's transaction commits."""
    wallet = world.wallet()
    return world.row(world.send(wallet, TARGET, value, **more)["id"]).committed_gas


def paid(world: World, token: str | None = None) -> int:
    return accept_payment.plan(Sender.of_wallet(world.wallets[0]), TARGET, token, 5).committed_gas


def test_what_is_held_back_includes_layer_1(world: World, changed: Any) -> None:
    world.wallet()
    token, more = contracts.token(world), {"data": "0x" + "ab" * 300, "gas": 60_000}
    fees = {"max_fee_per_gas": "3000000000", "max_priority_fee_per_gas": "1000000000"}
    without = held(world, 5, **fees), held(world, 5, **more, **fees)
    oracle(world, PRICED)
    changed(fee_oracle=ORACLE)
    assert held(world, 5, **fees) - without[0] == 2 * PLAIN
    assert held(world, 5, **more, **fees) - without[1] == 2 * (PLAIN + 300 * WEI_PER_BYTE)
    with_oracle = paid(world), paid(world, token)
    changed(fee_oracle=None)
    assert with_oracle[0] - paid(world) == 2 * PLAIN
    assert with_oracle[1] - paid(world, token) == 2 * (PLAIN + 68 * WEI_PER_BYTE)
    world.settle()


def test_nearly_the_whole_balance_is_refused_and_what_covers_layer_1_is_sent(
    world: World, changed: Any
) -> None:
    gas = held(world, 1)
    world.settle()
    oracle(world, PRICED)
    changed(fee_oracle=ORACLE)
    fees = {"max_fee_per_gas": str(gas // 42_000), "max_priority_fee_per_gas": "1000000000"}
    wallet, before = world.wallet(10 * ETHER), world.rows(TRANSACTIONS)
    most = 10 * ETHER - gas - 2 * PLAIN
    for value in (10 * ETHER - gas, most + 42_000):
        refused = post(world, wallet, value, **fees)
        assert (refused.status, refused.code) == (422, "INSUFFICIENT_GAS"), refused.text
    assert world.rows(TRANSACTIONS) == before
    assert wallet.address not in {one.address for table in (FUNDS, LANES) for one in world.rows(table)}
    sent = world.send(wallet, TARGET, most, **fees)["id"]
    (funds,) = (one for one in world.rows(FUNDS) if one.address == wallet.address)
    assert funds.in_flight == most + world.row(sent).committed_gas
    world.settle()
    assert world.row(sent).state == "confirmed"


BROKEN = {
    "no contract": "",
    "nothing": NOTHING,
    "a revert": REVERT,
    "half a word": short(16),
    "two words": short(64),
    "more than all there is": word(2**256 - 1),
}


@pytest.mark.parametrize("end", BROKEN.values(), ids=BROKEN)
def test_without_the_oracles_word_nothing_is_accepted(world: World, changed: Any, end: str) -> None:
    wallet = world.wallet()
    oracle(world, end)
    changed(fee_oracle=ORACLE)
    for path in ("", "/estimate-gas"):
        answer = post(world, wallet, 5, path)
        assert (answer.status, answer.code) == (503, "CHAIN_UNAVAILABLE"), answer.text
    assert not world.rows(TRANSACTIONS) and not world.rows(FUNDS)
    reverts = world.wallet()  # a transaction that fails by itself keeps its own reason
    failing = post(world, reverts, 0, to=contracts.token(world, REVERT), data="0x01")
    assert (failing.status, failing.code) == (422, "SIMULATION_FAILED"), failing.text
    oracle(world, word(7))
    world.send(wallet, TARGET, 5)  # and the product asks the node again at once
    world.settle()


def test_the_oracle_is_asked_in_an_exchange_that_is_made_anyway(
    world: World, changed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    oracle(world, PRICED)
    world.wallet()
    asked: list[str] = []
    for name in ("call", "batch"):
        bare = getattr(RpcClient, name)

        def counted(self: RpcClient, what: Any, *more: Any, bare: Any = bare) -> Any:
            if self is not world.rpc:
                asked.append(str(what))
            return bare(self, what, *more)

        monkeypatch.setattr(RpcClient, name, counted)

    def exchanges(fee_oracle: str | None) -> list[str]:
        changed(fee_oracle=fee_oracle)
        resources.chain("local").block_number()  # verified
        asked.clear()
        paid(world)
        return list(asked)

    without, with_oracle = exchanges(None), exchanges(ORACLE)
    assert len(with_oracle) == len(without) > 0
    assert sum("f1c7a58b" in one for one in with_oracle) == 1
