"""An address's balances as a chain has them: the native coin, registry tokens, and any other ERC-20.

What promises are compared with is observed at the chain's confirmed depth (`observe`, `balances`); what is only shown
is read at the latest block. All of it is asked outside of any transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared import resources
from shared.chain import tokens, types
from shared.chain.client import ChainClient
from shared.chain.errors import Ambiguous, ExecutionReverted, NodeError
from shared.chain.registry import UnsupportedCurrency
from shared.domain.desk.supplies import Supply
from shared.domain.errors import InvalidValue
from shared.domain.money import Asset
from shared.keys.addresses import parse_address

MAX_DECIMALS = 77  # uint8 allows 255; no uint256 has more digits


@dataclass(frozen=True, slots=True)
class Observed:
    """Balances of an address at a confirmed height: wei, and base units where a token is meant."""

    block: int
    coin: int
    token: int | None = None


def token(chain: ChainClient, address: str) -> Asset:
    """The asset at a token address: the registry's, else what the contract says of itself.

    Raises InvalidValue (`token_address`) when nothing there answers as an ERC-20 does."""
    canonical = parse_address(address, "token_address")
    try:
        return resources.registry().currency(chain.spec.name, canonical)
    except UnsupportedCurrency:
        pass
    calls = [_call(canonical, data) for data in (tokens.DECIMALS, tokens.SYMBOL)]
    try:
        digits, symbol = (types.data(answer) for answer in chain.batch(calls))
    except NodeError:
        raise _no_token() from None
    decimals = tokens.uint(digits)
    if decimals is None or decimals > MAX_DECIMALS:
        raise _no_token()
    return Asset(chain.spec.name, (tokens.text(symbol) or "?")[:32], canonical, decimals)


def of_token(chain: ChainClient, asset: Asset, owner: str) -> tuple[int, int]:
    """(base units, the block's height). Raises InvalidValue (`token_address`)."""
    assert asset.token_address is not None
    try:
        return chain.token_balance(asset.token_address, owner)
    except Ambiguous:
        raise _no_token() from None


def of_registry(chain: ChainClient, owner: str) -> tuple[list[tuple[Asset, int]], int]:
    """([(asset, base units)], height), the native coin first: one block, one exchange of all reads."""
    number = chain.block_number()
    listed = chain.spec.tokens
    calls = [_call(entry.address, tokens.balance_of(owner), hex(number)) for entry in listed]
    coin, *answers = chain.batch([("eth_getBalance", [owner, hex(number)]), *calls])
    held = [(chain.spec.native, types.quantity(coin))]
    for entry, answer in zip(listed, answers, strict=True):
        asset = Asset(chain.spec.name, entry.symbol, entry.address, entry.decimals)
        held.append((asset, tokens.uint(types.data(answer)) or 0))
    return held, number


def observe(supply: Supply) -> Observed:
    """Balances in base units at one block. Raises ChainError when no node answers."""
    return balances(resources.chain(supply.chain), supply.address, supply.token_address)


def balances(client: ChainClient, address: str, token: str | None, height: int | None = None) -> Observed:
    """The balances of an address, at the chain's confirmed height unless one is given.

    Raises InvalidValue when there is no token at `token`."""
    number = max(0, client.confirmed_number()) if height is None else height
    calls: list[tuple[str, list[Any]]] = [("eth_getBalance", [address, hex(number)])]
    if token is None:
        return Observed(number, types.quantity(client.batch(calls)[0]))
    query = {"to": token, "input": "0x" + tokens.balance_of(address).hex()}
    try:
        coin, held = client.batch([*calls, ("eth_call", [query, hex(number)])])
        amount = tokens.uint(types.data(held))
    except (ExecutionReverted, Ambiguous):
        amount = None
    if amount is None:
        raise InvalidValue("token.address", "is not a token on this chain")
    return Observed(number, types.quantity(coin), amount)


def _call(address: str, data: bytes, block: str = "latest") -> tuple[str, list[object]]:
    return "eth_call", [{"to": address, "input": "0x" + data.hex()}, block]


def _no_token() -> InvalidValue:
    return InvalidValue("token_address", "is not an ERC-20 token on this chain")
