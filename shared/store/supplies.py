"""Supplies, their ledger, and the funds rows behind them."""

from __future__ import annotations

from shared.domain.funds import Funds
from shared.domain.ledger import LedgerEntry
from shared.domain.supplies import Supply
from shared.store.table import Index, Table

BALANCES = frozenset({"amount", "available", "reserved", "settled"})
SUPPLIES = Table("supplies", Supply, ("id",), id_column="supply_id", numeric=BALANCES, cached=True)
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
