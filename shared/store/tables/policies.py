"""The policies of wallets, and the amounts spent by asset and hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from shared.domain.wallets.policies import Policy
from shared.store.table import Table


@dataclass(frozen=True, slots=True)
class Spending:
    """The amount that transactions accepted in an hour (of the Unix epoch) may spend; released amounts are deducted."""

    wallet_id: str
    asset: str  # "native" or a token's address in lower case
    hour: int
    amount: int
    ends_at: datetime | None  # the row is deleted a year later; None: an old release did not know the end

    @classmethod
    def none(cls, wallet_id: str, asset: str, hour: int) -> Spending:
        """A row for an hour in which nothing has been spent yet."""
        return cls(wallet_id, asset, hour, 0, datetime.fromtimestamp((hour + 1) * 3600, UTC))


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
