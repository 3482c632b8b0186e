"""What may leave a wallet: moves of assets and the contracts that are called, as far as the bytes can be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

NATIVE: Final = "native"
FEES: Final = "fees"  # an asset of its own in limits and bookings: wei that is spent for gas
NOBODY: Final = "0x" + "0" * 40  # who gets what is burnt
UNLIMITED: Final = 2**256 - 1


class Unreadable(Exception):
    """Bytes whose effect is not known; no more than a sentence, nothing of the bytes."""


@dataclass(frozen=True, slots=True)
class Move:
    """`amount` of `asset` (NATIVE or a token's address) leaves, or may be taken by, for `recipient`."""

    asset: str
    recipient: str
    amount: int


@dataclass(frozen=True, slots=True)
class Call:
    """A contract that is called, or for which a signature is, with the function's selector as 0x hex."""

    to: str
    selector: str


@dataclass(frozen=True, slots=True)
class Outflow:
    """All that a wallet can lose: `moves`, and `fee` wei for gas at most. Where it is not `readable`, there is more."""

    moves: tuple[Move, ...] = ()
    calls: tuple[Call, ...] = ()
    fee: int = 0
    creates: bool = False  # a contract, whose code runs at once
    readable: bool = True

    def totals(self) -> dict[str, int]:
        """Base units per asset, in lower case. The fee counts as the native coin, and as FEES by itself."""
        found: dict[str, int] = {}
        for asset, amount in self._amounts():
            if amount:
                found[asset] = found.get(asset, 0) + amount
        return found

    def _amounts(self) -> Iterator[tuple[str, int]]:
        yield from ((move.asset.lower(), move.amount) for move in self.moves)
        yield from ((NATIVE, self.fee), (FEES, self.fee))
