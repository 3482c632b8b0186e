"""The leases of buckets: which process visits a bucket now, and what its last visit has left for the next one.

A lease only saves work; the safety of writes depends on compare-and-set (I7). A process that stands still may outlast
its lease. The fence tells: it rises each time the lease is taken, and only who holds the newest one renews the lease
or replaces what the bucket remembers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared import resources
from shared.engine.block_watch import Seen
from shared.store import port
from shared.store.session import Session
from shared.store.tables.transactions import LEASES, Lease


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a visit stores with its bucket's lease for the next one; `failing_since` is set if it failed."""

    seen: Seen | None
    failing_since: datetime | None


def take(name: str, owner: str, seconds: float) -> Lease | None:
    """Take a lease for this time; None while another owner holds it. What was stored with it stays."""
    now = resources.clock().now()

    def body(transaction: port.StoreTransaction) -> Lease | None:
        held = Session(transaction).maybe(LEASES.find(name))
        if held is not None and held.owner != owner and held.held_until > now:
            return None
        until, fence = now + timedelta(seconds=seconds), held.fence + 1 if held else 1
        lease = replace(held or Lease(name, owner, until, fence), owner=owner, held_until=until, fence=fence)
        transaction.buffer([LEASES.write("upsert", lease)])
        return lease

    taken, _ = resources.database().transact(body)
    return taken


def keep(lease: Lease, seconds: float, remembered: Remembered | None = None) -> bool:
    """Hold a taken lease for this time from now (0 gives it back), and store what is to be remembered, if given. False,
    and nothing is written, if it was taken again since."""
    until = resources.clock().now() + timedelta(seconds=seconds)

    def body(transaction: port.StoreTransaction) -> bool:
        held = Session(transaction).maybe(LEASES.find(lease.name))
        if held is None or held.fence != lease.fence:
            return False
        kept = replace(held, held_until=until)
        if remembered is not None:
            seen = remembered.seen
            number, block = (seen.number, seen.hash) if seen else (None, None)
            kept = replace(
                kept, block_number=number, block_hash=block, failing_since=remembered.failing_since
            )
        transaction.buffer([LEASES.write("update", kept)])
        return True

    stored, _ = resources.database().transact(body)
    return stored
