"""Timers of supplies, orders and claims: reminders to check one again. The handler decides from the current rows."""

from __future__ import annotations

from typing import Final

from shared.domain.desk.claims import Claim
from shared.domain.desk.orders import Order
from shared.domain.desk.supplies import Supply
from shared.store.tables.system import Timer, timer

SUPPLY_CHECK: Final = "supply_check"  # of release 0.0.1; `pending_supplies` finds these supplies
SUPPLY_EXPIRY: Final = "supply_expiry"
ORDER_EXPIRY: Final = "order_expiry"
CLAIM_LEASE: Final = "claim_lease"


def supply_expiry(supply: Supply) -> list[Timer]:
    return [] if supply.expires_at is None else [timer(SUPPLY_EXPIRY, supply.id, supply.expires_at)]


def order_expiry(order: Order) -> list[Timer]:
    return [] if order.expires_at is None else [timer(ORDER_EXPIRY, order.id, order.expires_at)]


def claim_lease(claim: Claim) -> list[Timer]:
    return [] if claim.lease_until is None else [timer(CLAIM_LEASE, claim.id, claim.lease_until)]
