"""The faucet: it gives coins of the local node to any caller, in local runs only.

It answers when the coins are confirmed, because a supply is checked at the confirmed depth. The local gateway serves it
in addition to the catalog's operations. It is not in the catalog or in the image, so no deployment can have it; it also
refuses to work unless ENVIRONMENT is `local`.
"""

from __future__ import annotations

import time
from typing import Final

from emulators.sandbox import coin
from schemas.base import Address, Currency, Request, Resource
from shared import resources
from shared.chain.registry import UnsupportedCurrency
from shared.chain.rpc import RpcClient
from shared.domain.errors import NotFound
from shared.domain.permissions import Caller
from shared.keys.addresses import parse_address
from shared.runtime.operation import SELF, Operation, http

CHAIN: Final = "local"
MINING_SECONDS: Final = 5.0  # within which a node that mines by itself has mined
NATIVE: Final = 10 * 10**18  # wei
COINS: Final = 1_000 * 10**coin.DECIMALS  # base units of the test coin


class AskFaucet(Request):
    address: Address
    currency: Currency


class FromFaucet(Resource):
    """`amount` in base units."""

    address: str
    currency: str
    amount: str
    hash: str


@http(
    "POST",
    "/sandbox/faucet",
    permission=SELF,
    request=AskFaucet,
    answer=FromFaucet,
    idempotency="none",
    writes=False,
    needs=("chain",),
)
def ask_faucet(request: AskFaucet, caller: Caller) -> FromFaucet:
    settings = resources.settings()
    if not settings.local:
        raise NotFound
    address = parse_address(request.address)
    asset = resources.registry().currency(CHAIN, request.currency)
    if asset.token_address is None:
        amount, transaction = NATIVE, {"to": address, "value": hex(NATIVE)}
    elif asset.symbol == coin.SYMBOL:
        data = f"0x{coin.MINT}{address[2:].lower():0>64}{COINS:064x}"
        amount, transaction = COINS, {"to": asset.token_address, "data": data}
    else:
        raise UnsupportedCurrency(chain=CHAIN, known=[coin.SYMBOL])
    rpc = RpcClient("faucet", settings.rpc_urls[CHAIN][0])
    try:
        sent = coin.send(rpc, transaction)
        _confirmed(rpc, int(rpc.call("eth_blockNumber", []), 16))
    finally:
        rpc.close()
    return FromFaucet(address=address, currency=asset.symbol, amount=str(amount), hash=sent)


def _confirmed(rpc: RpcClient, block: int) -> None:
    """Wait until the block has the chain's confirmations. Mines blocks if the node does not mine by itself."""
    wanted = block + resources.registry().chain(CHAIN).depth - 1
    until = time.monotonic() + MINING_SECONDS
    while int(rpc.call("eth_blockNumber", []), 16) < wanted:
        if time.monotonic() > until:
            rpc.call("anvil_mine", ["0x1"])
        time.sleep(0.1)


def operations() -> dict[str, Operation]:
    """The operations that the local gateway serves in addition to the catalog."""
    declared: Operation = ask_faucet.operation  # type: ignore[attr-defined]
    return {declared.name: declared}
