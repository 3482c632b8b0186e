"""The state machines of supplies, orders and claims as tables, and the function that checks a transition.

A transition that is not in a table is refused. From `processing` on, nothing is released, rejected, expired or
cancelled.
"""

from __future__ import annotations

from typing import Final, Literal

from shared.domain.errors import InvalidState

SupplyStatus = Literal["pending", "active", "paused", "exhausted", "closed", "rejected"]
OrderStatus = Literal["open", "claimed", "processing", "completed", "failed", "cancelled", "expired"]
ClaimStatus = Literal["claimed", "processing", "processed", "failed", "released", "expired", "rejected"]
AllocationStatus = Literal["reserved", "settled", "released"]
PaymentStatus = Literal["pending", "blocked", "paid", "failed", "cancelled"]
SettlementStatus = Literal["none", "pending", "blocked", "partial", "paid", "failed"]
Kind = Literal["supply", "order", "claim"]

TRANSITIONS: Final[dict[Kind, dict[str, frozenset[str]]]] = {
    "supply": {
        "pending": frozenset({"active", "rejected", "closed"}),
        "active": frozenset({"paused", "exhausted", "closed"}),
        "paused": frozenset({"active", "exhausted", "closed"}),
        "exhausted": frozenset({"active", "paused", "closed"}),
        "closed": frozenset(),
        "rejected": frozenset(),
    },
    "order": {
        "open": frozenset({"claimed", "cancelled", "expired"}),
        "claimed": frozenset({"processing", "open", "expired"}),
        "processing": frozenset({"completed", "failed"}),
        "failed": frozenset({"processing"}),
        "completed": frozenset(),
        "cancelled": frozenset(),
        "expired": frozenset(),
    },
    "claim": {
        "claimed": frozenset({"processing", "released", "expired", "rejected"}),
        "processing": frozenset({"processed", "failed"}),
        "failed": frozenset({"processing"}),
        "processed": frozenset(),
        "released": frozenset(),
        "expired": frozenset(),
        "rejected": frozenset(),
    },
}


def check(kind: Kind, current: str, target: str) -> None:
    """Refuse a transition that is not in the table. Raises InvalidState with `data.status`, the current state."""
    if target not in TRANSITIONS[kind][current]:
        raise InvalidState(f"A {kind} that is {current} cannot become {target}.", status=current)
