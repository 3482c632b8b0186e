"""The balance of an address: the native coin, registered tokens, or any other ERC-20. Never call it inside a
transaction body."""

from __future__ import annotations

from shared import resources
from shared.chain.balances import Balances
from shared.chain.client import ChainClient
from shared.chain.errors import Ambiguous, AnswerTooLong, NodeError, NotAToken
from shared.chain.registry import UnsupportedCurrency
from shared.domain.desk.supplies import Supply
from shared.domain.errors import InvalidValue
from shared.domain.money import Asset
from shared.keys.addresses import parse_address

MAX_DECIMALS = 77  # uint8 allows 255; no uint256 has more digits


def observe(supply: Supply) -> Balances:
    """The balances of a supply's address at the chain's confirmed depth.

    Raises InvalidValue when there is no token at its token's address, ChainError when no node answers.
    """
    return held_by(resources.chain(supply.chain), supply.address, supply.token_address)


def held_by(
    client: ChainClient, address: str, token_address: str | None, height: int | None = None
) -> Balances:
    """The balances of an address, at the chain's confirmed height unless `height` is given.

    Raises InvalidValue when there is no token at `token_address`.
    """
    try:
        return client.balances(address, token_address, height)
    except NotAToken:
        raise InvalidValue("token.address", "is not a token on this chain") from None


def token(client: ChainClient, address: str) -> Asset:
    """The asset at a token address: from the registry, otherwise from the contract itself.

    Raises InvalidValue (`token_address`) when the address does not answer like an ERC-20 token.
    """
    canonical = parse_address(address, "token_address")
    try:
        return resources.registry().currency(client.spec.name, canonical)
    except UnsupportedCurrency:
        pass
    try:
        decimals, symbol = client.token_metadata(canonical)
    except (NodeError, AnswerTooLong):
        raise _no_token() from None
    if decimals is None or decimals > MAX_DECIMALS:
        raise _no_token()
    return Asset(client.spec.name, (symbol or "?")[:32], canonical, decimals)


def of_token(client: ChainClient, asset: Asset, owner: str) -> tuple[int, int]:
    """(base units, block height). Raises InvalidValue (`token_address`)."""
    assert asset.token_address is not None
    try:
        return client.token_balance(asset.token_address, owner)
    except (Ambiguous, AnswerTooLong):
        raise _no_token() from None


def of_registry(client: ChainClient, owner: str) -> tuple[list[tuple[Asset, int]], int]:
    """([(asset, base units)], height), the native coin first: at one block, with all reads in one exchange."""
    known = [
        Asset(client.spec.name, entry.symbol, entry.address, entry.decimals) for entry in client.spec.tokens
    ]
    addresses = [entry.address for entry in client.spec.tokens]
    coin, amounts, number = client.balances_of_tokens(owner, addresses)
    return [(client.spec.native, coin), *zip(known, amounts, strict=True)], number


def _no_token() -> InvalidValue:
    return InvalidValue("token_address", "is not an ERC-20 token on this chain")
