"""The possible losses of a wallet: moves of assets and called contracts, as far as the bytes can be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

NATIVE: Final = "native"
FEES: Final = "fees"  # a separate asset in limits and bookings: wei spent on gas
ZERO_ADDRESS: Final = "0x" + "0" * 40  # the recipient of burnt assets
UNLIMITED: Final = 2**256 - 1


class Unreadable(Exception):
    """The effect of the bytes is unknown. The text is one sentence and contains none of the bytes."""


@dataclass(frozen=True, slots=True)
class Move:
    """`amount` of `asset` (NATIVE or a token's address) leaves for `recipient`, or `recipient` may take it."""

    asset: str
    recipient: str
    amount: int


@dataclass(frozen=True, slots=True)
class Call:
    """A contract that is called, or that a signature is for, with the function's selector as 0x hex."""

    to: str
    selector: str


@dataclass(frozen=True, slots=True)
class Outflow:
    """Everything that a wallet can lose: `moves`, and at most `fee` wei for gas. If it is not `readable`, there may be
    more."""

    moves: tuple[Move, ...] = ()
    calls: tuple[Call, ...] = ()
    fee: int = 0
    creates: bool = False  # creates a contract, whose code runs at once
    readable: bool = True

    def totals(self) -> dict[str, int]:
        """Base units per asset, in lower case. The fee counts as the native coin, and also as FEES."""
        found: dict[str, int] = {}
        for asset, amount in self._amounts():
            if amount:
                found[asset] = found.get(asset, 0) + amount
        return found

    def _amounts(self) -> Iterator[tuple[str, int]]:
        yield from ((move.asset.lower(), move.amount) for move in self.moves)
        yield from ((NATIVE, self.fee), (FEES, self.fee))
