"""The faucet: coins of the local node for whoever asks, in local runs only.

The local gateway serves it beside the catalog's operations. It is in no catalog and in no image, so that no deployment
can have it; it also refuses to work where ENVIRONMENT is not `local`.
"""

from __future__ import annotations

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
    finally:
        rpc.close()
    return FromFaucet(address=address, currency=asset.symbol, amount=str(amount), hash=sent)


def operations() -> dict[str, Operation]:
    """What the local gateway serves beside the catalog."""
    declared: Operation = ask_faucet.operation  # type: ignore[attr-defined]
    return {declared.name: declared}
