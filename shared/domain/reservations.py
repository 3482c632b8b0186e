"""What orders and payments do to a supply: reserve, release, settle, and take a settlement back."""

from __future__ import annotations

from datetime import datetime

from shared.domain.errors import InvalidState
from shared.domain.money import Asset
from shared.domain.supplies import Moved, Supply, move


def accepts(supply: Supply, asset: Asset, now: datetime) -> bool:
    """Whether orders in this asset may reserve from the supply now."""
    return supply.status == "active" and supply.asset == asset and not supply.expired(now)


def reserve(supply: Supply, amount: int, order_id: str, now: datetime) -> Moved:
    """Hold a part, base units, for an order.

    Raises InvalidState when the supply takes no reservations now or has too little available.
    """
    if not accepts(supply, supply.asset, now) or not 0 < amount <= supply.available:
        raise InvalidState("The supply takes no such reservation now.", status=supply.status)
    return move(supply, "reserve", amount, order_id, now)


def release(supply: Supply, amount: int, order_id: str, now: datetime) -> Moved:
    """Give a reservation back; a closed supply hands it on to the wallet at once (two versions)."""
    moved = move(supply, "release", amount, order_id, now)
    if supply.status != "closed":
        return moved
    handed = move(moved.supply, "withdraw", amount, order_id, now)
    return Moved(handed.supply, moved.entries + handed.entries)


def settle(supply: Supply, amount: int, transaction_id: str, now: datetime) -> Moved:
    """A reservation was paid on chain; closes the supply when nothing else is left in it."""
    return move(supply, "settle", amount, transaction_id, now)


def unsettle(supply: Supply, amount: int, transaction_id: str, now: datetime) -> Moved:
    """The chain took a payout back: it is reserved again, even in a closed supply."""
    return move(supply, "adjust", amount, transaction_id, now)
