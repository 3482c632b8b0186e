"""An order: items with an exact total, reserved from the owner's supplies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.domain.states import AllocationStatus, OrderStatus


@dataclass(frozen=True, slots=True)
class Order:
    """Amounts in base units. Items and allocations are rows of their own below it."""

    id: str  # ord_…
    user_id: str  # the owner
    chain: str
    currency: str
    token_address: str | None
    decimals: int
    amount: int
    status: OrderStatus
    note: str | None
    expires_at: datetime | None
    claim_id: str | None  # the live claim; stays from `processing` on, None while open
    claimer_id: str | None  # the live claim's user
    claim_epoch: int  # grows with each tenure and each return to `open`; 0 = never claimed
    lease_until: (
        datetime | None
    )  # not before this moment can the live claim lapse (heartbeats do not write it)
    hidden: bool  # deleted by its owner: readable by id, absent from lists
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One line, key (order_id, line); price and total in base units."""

    order_id: str
    line: int  # 0, 1, 2 …
    product_id: str
    product_name: str
    price: int
    quantity: int
    total: int


@dataclass(frozen=True, slots=True)
class Allocation:
    """The part of an order that one supply pays, key (order_id, id); base units."""

    order_id: str
    id: str  # alc_…
    supply_id: str
    wallet_id: str
    amount: int
    settled: int
    status: AllocationStatus
    version: int
    created_at: datetime
    updated_at: datetime
