"""A claim: one claimer's tenure over an order, with a lease and an epoch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.domain.states import ClaimStatus, SettlementStatus


@dataclass(frozen=True, slots=True)
class Claim:
    """Amounts in base units; what it needs of the order and the wallet is copied when it is made."""

    id: str  # clm_…, unique per tenure
    order_id: str
    order_user_id: str  # the order's owner
    user_id: str  # the claimer
    wallet_id: str
    recipient: str  # address of that wallet, EIP-55
    chain: str
    currency: str
    token_address: str | None
    decimals: int
    amount: int
    status: ClaimStatus
    reason: str | None
    epoch: int
    lease_until: datetime | None  # None from `processing` on
    claimed_at: datetime
    processed_at: datetime | None
    settlement_status: SettlementStatus
    settlement_round: int  # the newest round of payments; 0 = none
    version: int
    created_at: datetime
    updated_at: datetime
