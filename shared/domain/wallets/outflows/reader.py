"""Read a transaction's payload as the EVM would execute it. Pure, and limited in depth, calls and bytes.

    outflow = reader.of_transaction(sender, to, value, data, fee)

The called contract is not trusted: the reader considers what it could do with what it receives, and what the wallet's
own tokens would do. Calls inside a wrapper count as if the wallet made them itself.
"""

from __future__ import annotations

from typing import Final

from shared.domain.wallets.outflows import tokens
from shared.domain.wallets.outflows.arguments import Arguments
from shared.domain.wallets.outflows.moves import NATIVE, Call, Move, Outflow, Unreadable
from shared.domain.wallets.outflows.permit2 import PERMIT2
from shared.domain.wallets.outflows.wrappers import WRAPPERS, Inner

MAX_DEPTH: Final = 4
MAX_CALLS: Final = 256
MAX_BYTES: Final = 1 << 20  # of all calls together, even if they overlap


class Reading:
    """Collects the moves of one wallet's calls."""

    def __init__(self, wallet: str) -> None:
        self._wallet = wallet.lower()
        self._moves: list[Move] = []
        self._calls: list[Call] = []
        self._bytes = 0
        self._funded = 0  # wei that are already counted for the current wrapper, which may pass them on

    def outflow(self, *, fee: int = 0) -> Outflow:
        return Outflow(tuple(self._moves), tuple(self._calls), fee)

    def add(self, *moves: Move) -> None:
        self._moves += moves

    def signs_for(self, contract: str, selector: str) -> None:
        """Read a signature that `contract` accepts as if its function were called."""
        self._calls.append(Call(contract.lower(), f"0x{selector}"))

    def call(self, to: str, value: int, data: bytes, *, own: bool = True, depth: int = 0) -> None:
        """Read a call; `own`: the wallet is the caller. Raises Unreadable."""
        to = to.lower()
        self._count(data, depth)
        self._pay(to, value, silent=bool(data), nested=depth > 0)
        if not data:
            return
        selector, arguments = data[:4].hex(), Arguments(data[4:])
        self._calls.append(Call(to, f"0x{selector}"))
        sender = self._wallet if own else None
        if selector in tokens.FORMS:
            self._moves += tokens.FORMS[selector].read(arguments, to, sender)
        elif selector == tokens.BATCH_TRANSFER:
            self._moves += tokens.batch_transfer(arguments, to, sender)
        elif selector in PERMIT2:
            self._moves += PERMIT2[selector][1](arguments, sender)
        elif selector in WRAPPERS:
            self._open(selector, to, value, arguments, own=own, depth=depth)
        else:
            raise Unreadable("the function is not known")

    def _open(
        self, selector: str, to: str, value: int, arguments: Arguments, *, own: bool, depth: int
    ) -> None:
        """Read the calls inside a wrapper. The value that the wrapper was paid is not available to calls outside of
        it."""
        beside, self._funded = self._funded, value
        for inner in WRAPPERS[selector][1](arguments):
            self.inner(to, inner, own=own, depth=depth + 1)
        self._funded = beside

    def inner(self, executor: str, inner: Inner, *, own: bool, depth: int) -> None:
        """Read a call that `executor` makes."""
        if inner.to is None:
            self.call(executor, 0, inner.data, own=own, depth=depth)
        else:
            own = own and executor == self._wallet
            self.call(inner.to, inner.value, inner.data, own=own, depth=depth)

    def _pay(self, to: str, value: int, *, silent: bool, nested: bool) -> None:
        """Count the value once, even if a wrapper passes it on; a payment of zero still has a recipient."""
        if not value and (silent or to == self._wallet):
            return
        known = min(value, self._funded) if nested else 0
        self._funded -= known
        self._moves.append(Move(NATIVE, to, value - known))

    def _count(self, data: bytes, depth: int) -> None:
        self._bytes += len(data)
        if depth > MAX_DEPTH or len(self._calls) >= MAX_CALLS or self._bytes > MAX_BYTES:
            raise Unreadable("too many calls in calls")
        if len(self._moves) >= MAX_CALLS:
            raise Unreadable("too many moves")


def of_transaction(sender: str, to: str | None, value: int, data: bytes, fee: int = 0) -> Outflow:
    """The outflow of a payload; `fee` is the maximum cost of its gas in wei."""
    if to is None:
        return Outflow((Move(NATIVE, "", value),) if value else (), fee=fee, creates=True, readable=False)
    reading = Reading(sender)
    try:
        reading.call(to, value, data)
    except Unreadable:
        sent = (Move(NATIVE, to.lower(), value),) if value else ()
        return Outflow(sent, (Call(to.lower(), f"0x{data[:4].hex()}"),), fee, readable=False)
    return reading.outflow(fee=fee)
