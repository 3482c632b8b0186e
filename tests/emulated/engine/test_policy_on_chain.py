"""Calls that a policy allows, executed on a node: no balance and no allowance changes beyond the policy."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from shared.domain.wallets import policies
from shared.domain.wallets.outflows import reader
from shared.domain.wallets.outflows.moves import NATIVE
from shared.domain.wallets.policies import PolicyDenied
from shared.runtime.clock import SystemClock
from tests.emulated.engine.world import ETHER, World
from tests.support.proof import size

BYTECODE = json.loads((Path(__file__).parents[1] / "chain/contracts/WalletAssets.json").read_text())[
    "bytecode"
]
WALLET, FRIEND, THIEF = ("0x" + digit * 40 for digit in "a12")
LIMIT, GAS = 50, 2_000_000
AMOUNTS = (0, 1, 7, 25, LIMIT, LIMIT + 1, 2**255)
CASES = size("POLICY_CASES", 250)


def call(signature: str, *values: Any) -> bytes:
    inside = signature[signature.index("(") + 1 : -1]
    kinds = ["(address,bool,uint256,bytes)[]"] if "bool,uint256,bytes" in inside else None
    kinds = kinds or (["(address,uint256,bytes)[]"] if inside.startswith("(") else inside.split(","))
    return keccak(signature.encode())[:4] + encode(kinds, values)


@dataclass
class Chain:
    """Contracts with every way out, and a wallet that holds their assets."""

    world: World

    def __post_init__(self) -> None:
        self.bank = self.world.control("eth_accounts")[0]
        self.coin = self.deployed("Coin")
        self.executor = self.deployed("Executor")
        self.world.control("anvil_setBalance", WALLET, hex(1000 * ETHER))
        self.world.control("anvil_impersonateAccount", WALLET)
        self.sent(self.bank, self.coin, 0, call("mint(address,uint256)", WALLET, 10**6))
        allowed = call("approve(address,uint256)", self.executor, 40)  # so that it can take something
        assert self.sent(WALLET, self.coin, 0, allowed)

    def deployed(self, name: str) -> str:
        asked = {"from": self.bank, "data": BYTECODE[name], "gas": hex(5_000_000)}
        sent = self.world.control("eth_sendTransaction", asked)
        self.world.control("evm_mine")
        return str(self.world.control("eth_getTransactionReceipt", sent)["contractAddress"]).lower()

    def sent(self, sender: str, to: str, value: int, data: bytes) -> bool:
        asked = {"from": sender, "to": to, "value": hex(value), "data": "0x" + data.hex(), "gas": hex(GAS)}
        sent = self.world.control("eth_sendTransaction", asked)
        self.world.control("evm_mine")
        receipt = self.world.control("eth_getTransactionReceipt", sent)
        self.fee = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
        return bool(receipt["status"] == "0x1")

    def ask(self, signature: str, *values: Any) -> int:
        asked = {"to": self.coin, "data": "0x" + call(signature, *values).hex()}
        return int(self.world.control("eth_call", asked, "latest"), 16)

    def state(self) -> dict[str, int]:
        """Every asset and right of somebody in the wallet."""
        found = {"coins": self.ask("balanceOf(address)", WALLET), "wei": self.world.balance(WALLET)}
        found["items"] = self.ask("items(address,uint256)", WALLET, 1)
        for name, who in (("friend", FRIEND), ("thief", THIEF), ("executor", self.executor)):
            found[f"{name} wei"] = self.world.balance(who)
            found[f"{name} coins"] = self.ask("balanceOf(address)", who)
            found[f"{name} items"] = self.ask("items(address,uint256)", who, 1)
            found[f"{name} may"] = self.ask("allowance(address,address)", WALLET, who)
            found[f"{name} operates"] = self.ask("isApprovedForAll(address,address)", WALLET, who)
        return found


class Attacks:
    """Calldata of known functions, nested, lengthened, truncated and altered."""

    def __init__(self, chain: Chain, rng: random.Random) -> None:
        self.chain, self.rng = chain, rng

    def any(self) -> tuple[str, int, bytes]:
        coin, executor, value = self.chain.coin, self.chain.executor, self.rng.choice([0, 0, 0, 5, LIMIT + 1])
        kind = self.rng.randrange(6)
        if kind == 0:
            return self.who(), value, b""
        if kind <= 2:
            return coin, 0, self.mangled(self.leaf())
        if kind == 3:
            return (
                coin,
                0,
                self.mangled(
                    call("multicall(bytes[])", [self.leaf() for _ in range(self.rng.randint(1, 3))])
                ),
            )
        parts = [self.inner() for _ in range(self.rng.randint(1, 3))]
        if kind == 4:
            batch = call("executeBatch((address,uint256,bytes)[])", parts)
        else:
            wanted = [(to, bool(self.rng.randrange(2)), wei, data) for to, wei, data in parts]
            batch = call("aggregate3Value((address,bool,uint256,bytes)[])", wanted)
        return executor, value, self.mangled(batch)

    def inner(self) -> tuple[str, int, bytes]:
        if self.rng.random() < 0.3:
            return self.who(), self.rng.choice([0, 5]), b""
        return self.chain.coin, 0, self.mangled(self.leaf()) if self.rng.random() < 0.3 else self.leaf()

    def leaf(self) -> bytes:
        to, amount = self.who(), self.rng.choice(AMOUNTS)
        return self.rng.choice(
            [
                lambda: call("transfer(address,uint256)", to, amount),
                lambda: call("approve(address,uint256)", to, amount),
                lambda: call("increaseAllowance(address,uint256)", to, amount),
                lambda: call("decreaseAllowance(address,uint256)", to, amount),
                lambda: call("transferFrom(address,address,uint256)", WALLET, to, amount),
                lambda: call("transferAndCall(address,uint256,bytes)", to, amount, b"x"),
                lambda: call("setApprovalForAll(address,bool)", to, bool(amount)),
                lambda: call("safeTransferFrom(address,address,uint256,uint256,bytes)", WALLET, to, 1, amount, b""),
                lambda: call(
                    "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
                    WALLET, to, [1, 1], [amount, 1], b"",
                ),
                lambda: call("burn(uint256)", amount),
                lambda: call("mint(address,uint256)", to, amount),
            ]
        )()  # fmt: skip

    def who(self) -> str:
        return self.rng.choice([FRIEND, FRIEND, FRIEND, THIEF, self.chain.executor])

    def mangled(self, data: bytes) -> bytes:
        at = self.rng.randrange(len(data))
        return self.rng.choice(
            [
                data, data, data,
                data + self.rng.randbytes(self.rng.randint(1, 70)),
                data + data[4:],
                data[:at],
                data[:at] + bytes([self.rng.randrange(256)]) + data[at + 1 :],
                data[:4] + b"\xff" + data[5:],
            ]
        )  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
def test_no_bytes_move_more_than_the_policy_says(world: World, seed: int) -> None:
    chain, world.undone = Chain(world), True
    attacks, now = Attacks(chain, random.Random(seed)), SystemClock().now()
    limit = {"max_per_transaction": str(LIMIT), "max_per_day": None}
    # Two policies: a list of recipients, and limits only.
    common: dict[str, Any] = {
        "limits": {chain.coin: limit, NATIVE: {**limit, "max_per_transaction": str(LIMIT)}}
    }
    listed = {
        "allowed_recipients": [FRIEND, chain.executor],
        "allowed_contracts": [chain.coin, chain.executor],
    }
    before, done = chain.state(), 0
    for number in range(CASES):
        rules = policies.changed(
            policies.empty("wal", "usr", now),
            now,
            max_fee_per_day=None,
            **common,
            **(listed if number % 2 else {}),
        )
        to, value, data = attacks.any()
        outflow = reader.of_transaction(WALLET, to, value, data)
        try:
            policies.decide(rules, outflow, {})
        except PolicyDenied:
            continue
        snapshot = world.control("evm_snapshot")
        done += chain.sent(WALLET, to, value, data)
        after, totals = chain.state(), outflow.totals()
        where = f"seed {seed}, case {number}: {to} {value} {data.hex()}"
        judge(before, after, totals, chain, where, listed=bool(number % 2))
        assert world.control("evm_revert", snapshot)
    assert done > 50, "the policy allowed nothing that the chain did"


def judge(
    before: dict[str, int],
    after: dict[str, int],
    totals: dict[str, int],
    chain: Chain,
    where: str,
    *,
    listed: bool,
) -> None:
    gone = {name: before[name] - after[name] for name in ("coins", "items")}
    rights = sum(
        max(0, after[f"{name} may"] - before[f"{name} may"]) for name in ("friend", "thief", "executor")
    )
    assert max(0, gone["coins"]) + max(0, gone["items"]) + rights <= totals.get(chain.coin, 0) <= LIMIT, where
    assert before["wei"] - after["wei"] - chain.fee <= totals.get(NATIVE, 0) <= LIMIT, where
    assert all(after[f"{name} operates"] == 0 for name in ("friend", "thief", "executor")), where
    if listed:
        names = ("wei", "coins", "items", "may")
        assert all(after[f"thief {name}"] <= before[f"thief {name}"] for name in names), where
