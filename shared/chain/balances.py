"""Balances as nodes answer them: the native coin's, and those of ERC-20 tokens beside it, at one block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.chain import tokens, types
from shared.chain.errors import Ambiguous, ExecutionReverted, NotAToken
from shared.chain.pool import Pool
from shared.chain.rpc import Call


@dataclass(frozen=True, slots=True)
class Balances:
    """What an address holds at a block: wei, and base units where a token is meant."""

    block: int
    coin: int
    token: int | None = None


def at_block(pool: Pool, address: str, token: str | None, block: int) -> Balances:
    """The native balance, and the token's, after a block, in one exchange. Raises NotAToken, ChainError."""
    native = native_balance(address, block)
    if token is None:
        return Balances(block, types.quantity(pool.batch([native])[0]))
    try:
        coin, held = pool.batch([native, token_balance(token, address, block)])
        amount = tokens.uint(types.data(held))
    except (ExecutionReverted, Ambiguous):
        amount = None
    if amount is None:
        raise NotAToken("balanceOf answered nothing")
    return Balances(block, types.quantity(coin), amount)


def of_tokens(pool: Pool, address: str, among: Sequence[str], block: int) -> tuple[int, list[int]]:
    """Wei, and base units of each token, after a block, in one exchange; 0 of a token that gives no number."""
    calls = [token_balance(token, address, block) for token in among]
    coin, *held = pool.batch([native_balance(address, block), *calls])
    return types.quantity(coin), [tokens.uint(types.data(answer)) or 0 for answer in held]


def native_balance(address: str, block: int) -> Call:
    """The call that asks for wei."""
    return "eth_getBalance", [address, hex(block)]


def token_balance(token: str, address: str, block: int) -> Call:
    """The call that asks a token for an address's base units."""
    return "eth_call", [{"to": token, "input": "0x" + tokens.balance_of(address).hex()}, hex(block)]


def token_metadata(pool: Pool, token: str) -> tuple[int | None, str | None]:
    """(decimals, symbol) as the contract says, in one exchange; None for what is no such answer. Raises ChainError."""
    digits, symbol = pool.batch(
        [
            ("eth_call", [{"to": token, "input": "0x" + data.hex()}, "latest"])
            for data in (tokens.DECIMALS, tokens.SYMBOL)
        ]
    )
    return tokens.uint(types.data(digits)), tokens.text(types.data(symbol))
