"""The test coin: OpenZeppelin's ERC-20, compiled and deployed to the local node, always at the same address."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Final

from emulators.solidity import compiled
from shared.chain.errors import ChainError
from shared.chain.rpc import RpcClient
from shared.contracts import deployment

SYMBOL: Final = "TEST"
DECIMALS: Final = 6
MINT: Final = "40c10f19"  # mint(address,uint256)
SECONDS: Final = 30.0  # to wait until a sent transaction is mined


def deploy(url: str) -> str:
    """Deploy the coin unless it exists, and return its address. Raises RuntimeError, ChainError."""
    code = bytes.fromhex(compiled(Path(__file__).parent)["TestCoin"].bytecode[2:])
    salt, rpc = bytes(32), RpcClient("sandbox", url)
    address = deployment.create2_address(salt, code)
    try:
        if not _deployed(rpc, address):
            try:
                send(rpc, {"to": deployment.DEPLOYER, "data": "0x" + (salt + code).hex()})
            except (RuntimeError, ChainError):
                if not _deployed(rpc, address):  # else another product on the same node deployed it
                    raise
    finally:
        rpc.close()
    return address


def _deployed(rpc: RpcClient, address: str) -> bool:
    return bool(rpc.call("eth_getCode", [address, "latest"]) != "0x")


def registered(url: str, configured: str) -> str:
    """CHAIN_TOKENS with the coin added to the local chain's tokens."""
    tokens: dict[str, list[dict[str, Any]]] = json.loads(configured or "{}")
    coin = {"symbol": SYMBOL, "address": deploy(url), "decimals": DECIMALS}
    return json.dumps(tokens | {"local": [*tokens.get("local", []), coin]})


def send(rpc: RpcClient, transaction: dict[str, str]) -> str:
    """Send a transaction of the node's own account, wait until it is mined, and return its hash.

    Raises RuntimeError if it fails."""
    (bank, *_) = rpc.call("eth_accounts", [])
    sent = str(rpc.call("eth_sendTransaction", [{"from": bank, **transaction}]))
    until = time.monotonic() + SECONDS
    while (receipt := rpc.call("eth_getTransactionReceipt", [sent])) is None:
        if time.monotonic() > until:
            raise RuntimeError("no block holds the sandbox's transaction")
        time.sleep(0.1)
    if receipt["status"] != "0x1":
        raise RuntimeError("the sandbox's transaction failed")
    return sent
