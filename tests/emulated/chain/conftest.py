"""Start a node for the chain tests: RPC_URL if it is set, otherwise anvil on a free port, stopped at the end.

Other tests may share `node`; `own_node` is always started here, for tests that reorganise or stop mining.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from emulators import toolkit
from shared.chain.client import ChainClient
from shared.chain.errors import ChainError
from shared.chain.registry import Registry
from shared.chain.rpc import RpcClient

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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    states = tempfile.TemporaryDirectory(prefix="anvil-")
    own = ("--port", str(port), "--cache-path", states.name)
    command = [*toolkit.anvil(), "--silent", "--chain-id", "31337", *own, *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        with connected(f"http://127.0.0.1:{port}") as node:
            _ready(node, process)
            yield node
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        process.wait(10)
        states.cleanup()


def _ready(node: Node, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "anvil ended"
        with contextlib.suppress(ChainError):
            node.control("eth_blockNumber")
            return
        time.sleep(0.05)
    raise AssertionError("anvil did not become ready")


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
