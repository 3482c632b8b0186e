"""Payments of a claim, one per allocation and round, and what their evidence makes of claim and order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.domain.states import PaymentStatus


@dataclass(frozen=True, slots=True)
class Payment:
    """Key (claim_id, allocation_id, round); amount in base units."""

    claim_id: str
    allocation_id: str
    round: int
    order_id: str
    supply_id: str
    wallet_id: str  # the supplying wallet
    transaction_id: str  # txn_…
    amount: int
    status: PaymentStatus
    reason: str | None  # why it is blocked, failed or cancelled
    finalized: bool  # no reorganisation can change the outcome any more
    version: int
    created_at: datetime
    updated_at: datetime
