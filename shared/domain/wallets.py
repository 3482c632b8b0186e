"""A wallet: an address whose key the product keeps; key material lives in the vault, never here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.domain.states import WalletStatus, WalletType


@dataclass(frozen=True, slots=True)
class Wallet:
    """(user_id, chain, address) is unique; another user may hold the same address."""

    id: str  # wal_…
    user_id: str
    name: str
    chain: str
    type: WalletType
    address: str  # EIP-55
    derivation_path: str | None  # None: imported by private key or keystore
    parent_id: str | None  # the wallet whose seed this account shares
    index: int | None  # account index on that seed
    key_id: str  # the vault record that holds the seed or key
    status: WalletStatus
    disabled_at: datetime | None  # deleted by its owner; the key is shredded 30 days later
    version: int
    created_at: datetime
    updated_at: datetime
