"""Wallets and the sealed keys behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.wallets import Wallet
from shared.store.table import Index, Table


@dataclass(frozen=True, slots=True)
class VaultKey:
    """A sealed seed or private key; only signers' services can open it."""

    id: str  # key_…
    purpose: str  # seed, private_key
    sealed: bytes = field(repr=False)
    master_key_id: str
    version: int
    created_at: datetime
    updated_at: datetime


WALLETS = Table("wallets", Wallet, ("id",))
WALLETS_BY_ADDRESS = Index("wallets_by_address", WALLETS, ("user_id", "chain", "address"), unique=True)
WALLETS_BY_OWNER = Index(
    "wallets_by_owner",
    WALLETS,
    ("user_id", "created_at", "id"),
    frozenset({"created_at"}),
    stored=("chain", "type", "status"),
)
VAULT_KEYS = Table("vault_keys", VaultKey, ("id",))
