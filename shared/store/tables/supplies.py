"""Supplies, their ledger, and the funds rows behind them."""

from __future__ import annotations

from collections.abc import Iterable

from shared.domain.desk.funds import Funds
from shared.domain.desk.ledger import LedgerEntry
from shared.domain.desk.supplies import Supply
from shared.store.port import Row
from shared.store.table import Index, Query, Table

BALANCES = frozenset({"amount", "available", "reserved", "settled"})
SUPPLIES = Table(
    "supplies",
    Supply,
    ("id",),
    id_column="supply_id",
    numeric=BALANCES,
    documents=frozenset({"metadata"}),
)
SUPPLIES_BY_OWNER = Index(
    "supplies_by_owner",
    SUPPLIES,
    ("user_id", "created_at", "supply_id"),
    frozenset({"created_at"}),
    stored=("chain", "currency", "status"),
)
SUPPLIES_BY_CURRENCY = Index(
    "supplies_by_currency",
    SUPPLIES,
    ("user_id", "chain", "currency", "status", "supply_id"),
    stored=("available",),
)
SUPPLIES_BY_WALLET = Index("supplies_by_wallet", SUPPLIES, ("wallet_id", "supply_id"), stored=("status",))
SUPPLIES_BY_STATUS = Index(  # of all users
    "supplies_by_status",
    SUPPLIES,
    ("list_shard", "status", "created_at", "supply_id"),
    frozenset({"created_at"}),
    stored=("chain", "currency"),
)
LEDGER = Table(
    "ledger_entries",
    LedgerEntry,
    ("supply_id", "supply_version", "ord"),
    numeric=frozenset({"amount", "balance_after"}),
)
FUNDS = Table(
    "funds",
    Funds,
    ("address", "chain", "token_address"),
    texts=frozenset({"committed", "in_flight", "observed_balance"}),
)
SUPPLIES_LIVE = Index("supplies_live", SUPPLIES, ("live_address", "chain", "supply_id"), null_filtered=True)
FUNDS_WATCHED = Index(
    "funds_watched", FUNDS, ("watch_shard", "address", "chain", "token_address"), null_filtered=True
)
WATCH_SHARDS = 16
MANY = 1_000  # limit of a user's active supplies in one currency that are considered for an order


def by_id(supply_id: str) -> Query[Supply]:
    return SUPPLIES.get(supply_id)


def find(supply_id: str) -> Query[Supply | None]:
    return SUPPLIES.find(supply_id)


def by_ids(supply_ids: Iterable[str]) -> Query[list[Supply]]:
    return SUPPLIES.get_many([(supply_id,) for supply_id in supply_ids])


def active_of(user_id: str, chain: str, currency: str) -> Query[list[Row]]:
    """`supply_id` and `available` of the user's active supplies in a currency: candidates, which must be read again."""
    return SUPPLIES_BY_CURRENCY.scan(user_id, chain, currency, "active", limit=MANY)


def live_below(addresses: Iterable[tuple[str, str]]) -> Query[list[Row]]:
    """`supply_id` of the live supplies of these (address, chain) pairs."""
    return SUPPLIES_LIVE.below(addresses)


def funds_below(addresses: Iterable[tuple[str, str]]) -> Query[list[Funds]]:
    """All funds rows of these (address, chain) pairs."""
    return FUNDS.below(addresses)
