"""Wallets' policies, and what they have spent by asset and hour."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.wallets.policies import Policy
from shared.store.table import Table


@dataclass(frozen=True, slots=True)
class Spending:
    """What transactions accepted in an hour (of the Unix epoch) may spend; released ones are taken off."""

    wallet_id: str
    asset: str  # "native" or a token's address in lower case
    hour: int
    amount: int


POLICIES = Table(
    "policies",
    Policy,
    ("id",),
    texts=frozenset({"approval_above", "max_fee_per_day"}),
    documents=frozenset(
        {
            *("limits", "allowed_recipients", "allowed_contracts", "allowed_selectors", "allowed_typed_data"),
            *("approvers", "pending"),
        }
    ),
)
SPENDING = Table("policy_spending", Spending, ("wallet_id", "asset", "hour"), texts=frozenset({"amount"}))
