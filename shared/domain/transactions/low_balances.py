"""Addresses that hold too little to go on sending: announced once each time, and topped up where a treasury may.

A top-up is an ordinary transaction of the treasury's wallet. What bounds it is that wallet's own policy, which must
name a sum for each day and who may receive; there is at most one unfinished top-up for an address, and its number is
part of its key, so that no two processes send the same one.
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
    """Key id, the lane's; balance and threshold in wei, as when the balance last crossed it."""

    id: str  # see lanes.lane_id
    chain: str
    address: str  # EIP-55
    wallet_id: str
    user_id: str
    low: bool
    balance: int
    threshold: int
    top_ups: int
    top_up_id: str | None  # the newest top-up's transaction
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def next_key(self) -> str:
        return f"top_up:{self.id}:{self.top_ups + 1}"


@dataclass(frozen=True, slots=True)
class TopUp:
    """A chain's rule, in wei: addresses below `below` get what is missing up to `up_to` from the treasury's wallet."""

    wallet_id: str
    below: int
    up_to: int


def rules(text: str) -> dict[str, TopUp]:
    """The rules of a JSON text `{"<chain>": {"wallet_id": "wal_…", "below": "<wei>", "up_to": "<wei>"}}`.

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
    """The first time that a transaction's address is low."""
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
    """The row after the balance fell below the threshold, or reached it again; the same row when it did neither."""
    low = balance < threshold
    if low == row.low:
        return row
    return _advance(row, now, low=low, balance=balance, threshold=threshold)


def topped_up(row: LowBalance, transaction: Transaction, now: datetime) -> LowBalance:
    """The row after its next top-up was accepted."""
    return _advance(row, now, top_ups=row.top_ups + 1, top_up_id=transaction.id)


def may_top_up(row: LowBalance, newest: Transaction | None) -> bool:
    """Whether the address may get another one: it is low, and the newest top-up can change nothing any more."""
    return row.low and (row.top_up_id is None or (newest is not None and newest.finalized))


def check_bounded(policy: Policy | None) -> None:
    """A treasury without bounds tops nothing up. Raises PolicyDenied."""
    bounded = policy is not None and policy.limit(NATIVE, "max_per_day") is not None
    if not bounded or policy is None or policy.allowed_recipients is None:
        raise PolicyDenied(
            "A treasury's policy names a sum for each day and its recipients.", rule="treasury"
        )


def _advance(row: LowBalance, now: datetime, **changes: Any) -> LowBalance:
    return replace(row, version=row.version + 1, updated_at=now, **changes)
