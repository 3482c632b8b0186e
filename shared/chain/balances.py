"""Balances from nodes: the native coin and ERC-20 tokens, at one block."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from shared.chain import tokens, types
from shared.chain.errors import Ambiguous, ExecutionReverted, NotAToken
from shared.chain.pool import Pool
from shared.chain.rpc import Call

_REMEMBERED: Final = 10_000  # cached balances


@dataclass(frozen=True, slots=True)
class Balances:
    """The balances of an address at a block: wei, and base units if a token was requested."""

    block: int
    coin: int
    token: int | None = None


class Observations:
    """A cache of balances at blocks, shared by all callers in this process. Entries are valid for `keep` seconds, one
    block time, because after a reorganisation another block has the same height."""

    def __init__(self, keep: float, seconds: Callable[[], float]) -> None:
        self._keep, self._seconds, self._lock = keep, seconds, threading.Lock()
        self._seen: OrderedDict[tuple[str, str | None, int], tuple[float, int]] = OrderedDict()

    def ask(self, pool: Pool, wanted: Sequence[tuple[str, str | None]], block: int) -> list[int | None]:
        """The balance of each (address, token or None for the coin) after a block; uncached ones are fetched in one
        exchange. None if a token does not return a number. Raises ChainError."""
        now = self._seconds()
        with self._lock:
            known = {one: self._seen.get((*one, block)) for one in wanted}
        held = {one: seen[1] for one, seen in known.items() if seen and now - seen[0] <= self._keep}
        missing = [one for one in known if one not in held]
        answers = pool.batch([_balance(*one, block) for one in missing]) if missing else []
        for one, answer in zip(missing, answers, strict=True):
            amount = types.quantity(answer) if one[1] is None else tokens.uint(types.data(answer))
            if amount is not None:
                held[one] = amount
                self._remember((*one, block), (now, amount))
        return [held.get(one) for one in wanted]

    def _remember(self, what: tuple[str, str | None, int], seen: tuple[float, int]) -> None:
        with self._lock:
            self._seen[what] = seen
            self._seen.move_to_end(what)
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)

    def at_block(self, pool: Pool, address: str, token: str | None, block: int) -> Balances:
        """The native balance, and the token's if given, after a block, in one exchange.
        Raises NotAToken, ChainError."""
        if token is None:
            (coin,) = self.ask(pool, [(address, None)], block)
            return Balances(block, coin or 0)
        try:
            coin, amount = self.ask(pool, [(address, None), (address, token)], block)
        except (ExecutionReverted, Ambiguous):
            amount = None
        if amount is None:
            raise NotAToken("balanceOf answered nothing")
        return Balances(block, coin or 0, amount)


def _balance(address: str, token: str | None, block: int) -> Call:
    return native_balance(address, block) if token is None else token_balance(token, address, block)


def of_tokens(pool: Pool, address: str, among: Sequence[str], block: int) -> tuple[int, list[int]]:
    """Wei, and base units of each token, after a block, in one exchange; 0 for a token that does not
    return a number."""
    calls = [token_balance(token, address, block) for token in among]
    coin, *held = pool.batch([native_balance(address, block), *calls])
    return types.quantity(coin), [tokens.uint(types.data(answer)) or 0 for answer in held]


def native_balance(address: str, block: int) -> Call:
    """The call that reads an address's wei."""
    return "eth_getBalance", [address, hex(block)]


def token_balance(token: str, address: str, block: int) -> Call:
    """The call that reads an address's base units of a token."""
    return "eth_call", [{"to": token, "input": "0x" + tokens.balance_of(address).hex()}, hex(block)]


def token_metadata(pool: Pool, token: str) -> tuple[int | None, str | None]:
    """The (decimals, symbol) that the contract returns, in one exchange; None for an invalid answer. Raises
    ChainError."""
    digits, symbol = pool.batch(
        [
            ("eth_call", [{"to": token, "input": "0x" + data.hex()}, "latest"])
            for data in (tokens.DECIMALS, tokens.SYMBOL)
        ]
    )
    return tokens.uint(types.data(digits)), tokens.text(types.data(symbol))
