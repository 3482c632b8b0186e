"""Ending transactions: at once while they have no nonce, else the wish for a no-op that `replace` fulfils."""

from __future__ import annotations

from collections.abc import Sequence

from shared.commit import commit
from shared.domain import tx_attempts, tx_schedule
from shared.engine.changes import Batch
from shared.store.unit import UnitOfWork


def expire(ids: Sequence[str]) -> None:
    """Undo those of these transactions whose deadline has passed."""
    commit(_expire, ids)


def _expire(unit: UnitOfWork, ids: Sequence[str]) -> None:
    batch = Batch.read(unit, ids)
    for transaction in list(batch.rows.values()):
        if tx_schedule.expired(transaction, unit.now):
            batch.change(unit, tx_attempts.undo(transaction, "expired", unit.now))
