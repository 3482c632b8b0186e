"""Domain objects for tests, created by the rules themselves: one asset, one clock, readable ids."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from shared.domain.desk import claims, orders, supplies
from shared.domain.desk.claims import Claimed
from shared.domain.desk.funds import Funds, FundsPair, empty, observe
from shared.domain.desk.orders import Line, Order, Placed
from shared.domain.desk.supplies import Supply
from shared.domain.money import Asset
from shared.domain.wallets.wallets import Wallet

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ETH = Asset("local", "ETH", None, 18)
COIN = Asset("local", "CENT", None, 2)
TOKEN = Asset("local", "USDX", "0x" + "c0" * 20, 6)
OWNER = "usr_owner"


def ids() -> Callable[[str], str]:
    """A source of ids: alc_1, alc_2, txn_3 …"""
    numbers = count(1)
    return lambda prefix: f"{prefix}_{next(numbers)}"


def supply(amount: int = 1000, *, status: str = "active", **more: Any) -> Supply:
    """A supply of 1000 base units; activated unless its status says otherwise."""
    given = {
        "supply_id": "sup_1",
        "user_id": OWNER,
        "wallet_id": "wal_owner",
        "address": "0xOwner",
        "asset": COIN,
        "expires_at": None,
        "now": NOW,
    }
    made = supplies.create(amount=amount, **{**given, **more}).supply
    if status == "pending":
        return made
    if status == "rejected":
        return supplies.reject(made, "INSUFFICIENT_BALANCE", NOW)
    made = supplies.activate(made, NOW)
    if status == "paused":
        return supplies.pause(made, NOW)
    return supplies.close(made, NOW).supply if status == "closed" else made


def line(price: str = "1", quantity: int = 1) -> Line:
    return Line("sku", "A thing", price, quantity)


def place(*given_supplies: Supply, lines: list[Line] | None = None, **more: Any) -> Placed:
    """An open order of 3.00 over the given supplies (a new one of 1000 base units if none is given)."""
    given = {
        "order_id": "ord_1",
        "user_id": OWNER,
        "asset": COIN,
        "lines": lines or [line("1", 3)],
        "supplies": given_supplies or (supply(),),
        "note": None,
        "expires_at": None,
        "new_id": ids(),
        "now": NOW,
    }
    return orders.place(**{**given, **more})


def wallet(user_id: str = "usr_claimer", **more: Any) -> Wallet:
    given: dict[str, Any] = {
        "id": f"wal_{user_id}",
        "user_id": user_id,
        "name": "mine",
        "chain": "local",
        "type": "hd",
        "address": f"0x{user_id}",
        "derivation_path": "m/44'/60'/0'/0/0",
        "parent_id": None,
        "index": 0,
        "key_id": "key_1",
        "status": "active",
        "disabled_at": None,
        "version": 1,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Wallet(**{**given, **more})


def claim(order: Order, who: str = "usr_a", now: datetime = NOW, **more: Any) -> Claimed:
    """A claim by a user with a separate wallet."""
    given: dict[str, Any] = {
        "holder": None,
        "wallet": wallet(who),
        "leases": (),
        "claim_id": f"clm_{who}",
        "now": now,
    }
    return claims.claim(order, **{**given, **more})


def taken() -> Claimed:
    """An order of 3.00 that usr_a holds."""
    return claim(place().order)


def row(balance: int, *, token: str | None = None, block: int = 10) -> Funds:
    """A funds row with an observed balance and no promises."""
    return observe(empty("local", "0xOwner", token, NOW), balance, block, NOW)


def native(balance: int) -> FundsPair:
    return FundsPair(row(balance))


def tokens(coin: int, token: int) -> FundsPair:
    return FundsPair(row(coin), row(token, token=TOKEN.token_address))
