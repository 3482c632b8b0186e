"""A supply: part of a wallet's balance that its owner commits to orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.domain.states import SupplyStatus


@dataclass(frozen=True, slots=True)
class Supply:
    """Always `available + reserved + settled = amount`, all in base units of the currency."""

    id: str  # sup_…
    user_id: str
    wallet_id: str
    chain: str
    address: str  # of the wallet, EIP-55: the key of its funds rows
    currency: str  # registry symbol
    token_address: str | None  # None: the native coin
    decimals: int
    amount: int
    available: int
    reserved: int
    settled: int
    status: SupplyStatus
    reason: str | None  # why rejected; "underfunded" or None (the owner's wish) while paused
    expires_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
