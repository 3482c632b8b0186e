"""Addresses with too little balance to continue sending: announced once each time, and topped up if a treasury may.

A top-up is an ordinary transaction of the treasury's wallet. That wallet's own policy limits it: the policy must set a
daily limit and the allowed recipients. An address has at most one unfinished top-up, and the top-up's number is part
of its key, so that no two processes send the same one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from shared.domain.transactions.transactions import Transaction
from shared.domain.wallets.outflows.moves import NATIVE
from shared.domain.wallets.policies import Policy, PolicyDenied

TREASURY_TENANT: Final = "treasury"  # UNIQUE(tenant, idem_key): no top-up twice


@dataclass(frozen=True, slots=True)
class LowBalance:
    """The key is the lane's id; balance and threshold in wei, as of the last time the balance crossed the threshold."""

    id: str  # see lanes.lane_id
    chain: str
    address: str  # EIP-55
    wallet_id: str
    user_id: str
    low: bool
    balance: int
    threshold: int
    top_ups: int
    top_up_id: str | None  # the transaction of the newest top-up
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def next_key(self) -> str:
        return f"top_up:{self.id}:{self.top_ups + 1}"


@dataclass(frozen=True, slots=True)
class TopUp:
    """A chain's rule, in wei: the treasury's wallet fills addresses below `below` up to `up_to`."""

    wallet_id: str
    below: int
    up_to: int


def rules(text: str) -> dict[str, TopUp]:
    """Parse the rules from a JSON text `{"<chain>": {"wallet_id": "wal_…", "below": "<wei>", "up_to": "<wei>"}}`.

    Raises ValueError."""
    try:
        by_chain = {
            chain: TopUp(str(rule["wallet_id"]), int(rule["below"]), int(rule["up_to"]))
            for chain, rule in (json.loads(text) if text else {}).items()
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError("TOP_UPS cannot be read") from None
    if any(not 0 < rule.below < rule.up_to for rule in by_chain.values()):
        raise ValueError("in TOP_UPS, `below` must be above 0 and less than `up_to`")
    return by_chain


def first_low(sender: Transaction, balance: int, threshold: int, now: datetime) -> LowBalance:
    """The row for the first time that a transaction's address is low."""
    return LowBalance(
        id=sender.lane_id,
        chain=sender.chain,
        address=sender.from_address,
        wallet_id=sender.wallet_id,
        user_id=sender.user_id,
        low=True,
        balance=balance,
        threshold=threshold,
        top_ups=0,
        top_up_id=None,
        version=1,
        created_at=now,
        updated_at=now,
    )


def crossed(row: LowBalance, balance: int, threshold: int, now: datetime) -> LowBalance:
    """The row after the balance fell below the threshold or rose to it again; the same row if neither happened."""
    low = balance < threshold
    if low == row.low:
        return row
    return _advance(row, now, low=low, balance=balance, threshold=threshold)


def topped_up(row: LowBalance, transaction: Transaction, now: datetime) -> LowBalance:
    """The row after its next top-up was accepted."""
    return _advance(row, now, top_ups=row.top_ups + 1, top_up_id=transaction.id)


def may_top_up(row: LowBalance, newest: Transaction | None) -> bool:
    """Whether the address may get another top-up: it is low, and the newest top-up is final."""
    return row.low and (row.top_up_id is None or (newest is not None and newest.finalized))


def check_bounded(policy: Policy | None) -> None:
    """Check that the treasury's policy has limits; without them, nothing is topped up. Raises PolicyDenied."""
    bounded = policy is not None and policy.limit(NATIVE, "max_per_day") is not None
    if not bounded or policy is None or policy.allowed_recipients is None:
        raise PolicyDenied(
            "A treasury's policy names a sum for each day and its recipients.", rule="treasury"
        )


def _advance(row: LowBalance, now: datetime, **changes: Any) -> LowBalance:
    return replace(row, version=row.version + 1, updated_at=now, **changes)
