"""Start a node for the chain tests: RPC_URL if it is set, otherwise anvil on a free port, stopped at the end.

Other tests may share `node`; `own_node` is always started here, for tests that reorganise or stop mining.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from shared.chain.client import ChainClient
from shared.chain.registry import Registry
from shared.chain.rpc import RpcClient
from tests.support.own_node import anvil

TOKEN = json.loads((Path(__file__).parent / "contracts" / "TestToken.json").read_text())


@dataclass
class Node:
    url: str
    rpc: RpcClient
    client: ChainClient

    def control(self, method: str, *params: Any) -> Any:
        return self.rpc.call(method, list(params))

    def new_account(self, wei: int = 10**18) -> Account:
        account = Account.create()
        self.control("anvil_setBalance", account.address, hex(wei))
        return account

    def wait_for(self, tx_hash: str, seconds: float = 10.0) -> Any:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if (found := self.client.receipt(tx_hash)) is not None:
                return found
            time.sleep(0.02)
        raise AssertionError(f"{tx_hash} was not mined")


def sign(account: Account, nonce: int, **fields: Any) -> tuple[bytes, str]:
    transaction = {
        "chainId": 31337,
        "nonce": nonce,
        "to": "0x000000000000000000000000000000000000dEaD",
        "value": 1,
        "gas": 21_000,
        "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 10**9,
        **fields,
    }
    if transaction["to"] is None:
        del transaction["to"]
    signed = account.sign_transaction(transaction)
    return bytes(signed.raw_transaction), "0x" + signed.hash.hex()


@contextlib.contextmanager
def connected(url: str) -> Iterator[Node]:
    rpc = RpcClient("control", url)
    client = ChainClient.connect(Registry.DEFAULT.chain("local"), [url])
    try:
        yield Node(url, rpc, client)
    finally:
        client.close()
        rpc.close()


@contextlib.contextmanager
def started(*arguments: str) -> Iterator[Node]:
    with anvil(*arguments) as url, connected(url) as node:
        yield node


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    with (
        connected(os.environ["RPC_URL"]) if os.environ.get("RPC_URL") else started("--block-time", "1") as one
    ):
        yield one


@pytest.fixture
def own_node() -> Iterator[Node]:
    with started("--no-mining") as one:
        yield one


@pytest.fixture(scope="session")
def token(node: Node) -> tuple[str, Account]:
    """(address, the account that holds the whole supply)."""
    owner = node.new_account()
    raw, tx_hash = sign(owner, 0, to=None, value=0, data=TOKEN["bytecode"], gas=2_000_000)
    assert node.client.send_many([raw])[0].outcome == "sent"
    receipt = node.wait_for(tx_hash)
    assert receipt.success
    return receipt.contract_address, owner


@pytest.fixture
def signer() -> Any:
    return sign


@pytest.fixture(scope="session")
def token_abi() -> list[dict[str, Any]]:
    return list(TOKEN["abi"])
