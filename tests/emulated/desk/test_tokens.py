"""Supplies and payouts in a token: the token is reserved, and gas in the native coin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared import resources
from shared.chain import tokens
from shared.chain.client import ChainClient
from shared.chain.registry import Token
from tests.emulated.desk.world import Desk, figures

CONTRACT = json.loads((Path(__file__).parents[1] / "chain/contracts/TestToken.json").read_text())
UNIT = 10**6
SET_SILENT = "0xf4a0740c"  # setSilent(bool)


class Mint:
    """A token on the test's node, in the registry."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.bank = desk.rpc("eth_accounts")[0]
        self.address = str(
            self.send({"data": CONTRACT["bytecode"], "gas": hex(3_000_000)})["contractAddress"]
        )

    def send(self, call: dict[str, Any]) -> Any:
        sent = self.desk.rpc("eth_sendTransaction", {"from": self.bank, "gas": hex(200_000)} | call)
        self.desk.rpc("anvil_mine", "0x3")
        receipt = self.desk.rpc("eth_getTransactionReceipt", sent)
        assert receipt["status"] == "0x1"
        return receipt

    def give(self, to: str, amount: int) -> None:
        self.send({"to": self.address, "data": "0x" + tokens.transfer(to, amount).hex()})

    def balance(self, of: str) -> int:
        return resources.chain("local").token_balance(self.address, of)[0]

    def silence(self, on: bool) -> None:
        """Make the token move without a Transfer log from now on, like a faulty token."""
        self.send({"to": self.address, "data": SET_SILENT + f"{int(on):064x}"})


@pytest.fixture
def mint(desk: Desk, emulators: Any) -> Iterator[Mint]:
    made = Mint(desk)
    registry = resources.registry().with_tokens("local", [Token("TST", made.address, 6)])
    client = ChainClient.connect(registry.chain("local"), [emulators["RPC_URL"]])
    with resources.override(registry=registry, **{"chain:local": client}):
        yield made
    client.close()


def supplied(desk: Desk, mint: Mint, amount: int, ether: float = 1) -> tuple[str, str]:
    shopper = desk.person("shopper")
    wallet = desk.imported(shopper, ether=ether)
    mint.give(desk.address(wallet), amount)
    return shopper, wallet


def test_a_token_supply_needs_the_token_and_the_gas(desk: Desk, mint: Mint) -> None:
    shopper, _ = supplied(desk, mint, 100 * UNIT)
    assert desk.supply(shopper, "100", currency="TST")["status"] == "active"
    again = desk.supply(shopper, "0.000001", currency=mint.address.lower(), status="rejected")
    assert (again["reason"], again["currency"]) == ("INSUFFICIENT_BALANCE", "TST")
    poor, _ = supplied(desk, mint, 100 * UNIT, ether=0.001)
    assert desk.supply(poor, "100", currency="TST", status="rejected")["reason"] == "INSUFFICIENT_GAS"
    body = {"currency": "TST", "amount": "0.0000001"}
    assert desk.app.call("POST", "/supplies", body, user=shopper).status == 422
    listed = desk.get(f"/supplies?currency={mint.address}", shopper)["items"]
    assert [one["currency"] for one in listed] == ["TST", "TST"]


def test_a_token_order_is_paid_in_the_token(desk: Desk, mint: Mint) -> None:
    shopper, wallet = supplied(desk, mint, 100 * UNIT)
    supply = desk.supply(shopper, "100", currency="TST")
    claimer = desk.claimer()
    order = desk.order(shopper, "33.3", 2, currency="TST")
    claim = desk.claimed(claimer, order["id"])
    desk.process(shopper, claim["id"])
    done = desk.drive(claim["id"], shopper)
    assert (done["status"], done["settlement"]["payments"][0]["amount"]) == ("processed", "66.6")
    assert mint.balance(desk.address(claim["wallet_id"])) == 66_600_000
    assert mint.balance(desk.address(wallet)) == 33_400_000
    assert figures(desk.get(f"/supplies/{supply['id']}", shopper)) == ("100", "33.4", "0", "66.6")


def test_a_payout_without_its_log_is_not_paid(desk: Desk, mint: Mint) -> None:
    shopper, _ = supplied(desk, mint, 100 * UNIT)
    supply = desk.supply(shopper, "100", currency="TST")
    claimer = desk.claimer()
    claim = desk.claimed(claimer, desk.order(shopper, "10", currency="TST")["id"])
    desk.process(shopper, claim["id"])
    mint.silence(True)
    failed = desk.drive(claim["id"], shopper)
    assert failed["status"] == "failed"
    (payment,) = failed["settlement"]["payments"]
    assert (payment["status"], payment["reason"]) == ("failed", "NO_TRANSFER_EVIDENCE")
    assert figures(desk.get(f"/supplies/{supply['id']}", shopper)) == ("100", "90", "10", "0")
