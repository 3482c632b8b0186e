"""Leases: who does a recurring job now. They save work; what is written rests on compare-and-set (I7)."""

from __future__ import annotations

from datetime import timedelta

from shared import resources
from shared.store.port import Transaction
from shared.store.session import Session
from shared.store.transactions import LEASES, Lease


def take(name: str, owner: str, seconds: float) -> bool:
    """Take or renew a lease; False while another holds it."""
    now = resources.clock().now()

    def body(transaction: Transaction) -> bool:
        held = Session(transaction).one(LEASES.find(name))
        if held is not None and held.owner != owner and held.held_until > now:
            return False
        fence = held.fence if held is not None and held.owner == owner else (held.fence if held else 0) + 1
        lease = Lease(name, owner, now + timedelta(seconds=seconds), fence)
        transaction.buffer([LEASES.mutation("upsert", lease)])
        return True

    taken, _ = resources.database().transact(body)
    return taken


def give_back(name: str, owner: str) -> None:
    """Let the next one start at once."""
    take(name, owner, 0)
