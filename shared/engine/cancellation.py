"""End or hold back transactions: without a nonce they end at once, otherwise a no-op is requested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from shared.domain.errors import InvalidState
from shared.domain.transactions import attempts, schedule
from shared.domain.wallets.policies import PolicyDenied
from shared.engine.batch import Batch
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

BATCH_SIZE = 32  # transactions in one commit, which includes all their bytes


def expire(ids: Sequence[str], block_seconds: float) -> None:
    """Undo those of these transactions whose deadline has passed; schedule another look at the queued ones."""
    for start in range(0, len(ids), BATCH_SIZE):
        commit(_expire, ids[start : start + BATCH_SIZE], block_seconds)


def _expire(unit: UnitOfWork, ids: Sequence[str], block_seconds: float) -> None:
    batch = Batch.read(unit, ids)
    for transaction in list(batch.rows.values()):
        if schedule.expired(transaction, unit.now):
            batch.change(unit, attempts.undo(transaction, "expired", unit.now))
        elif transaction.state in ("held", "accepted"):
            due = schedule.next_action_at(transaction, unit.now, block_seconds)
            unit.write(replace(transaction, next_action_at=due))


def reject(denied: Mapping[str, PolicyDenied]) -> None:
    """Undo transactions that the policy denies at signing: they are rejected, or replaced by a no-op if they have a
    nonce."""
    commit(_reject, denied)


def _reject(unit: UnitOfWork, denied: Mapping[str, PolicyDenied]) -> None:
    batch = Batch.read(unit, denied)
    for transaction in list(batch.rows.values()):
        refusal = denied[transaction.id]
        message = f"{refusal.text} ({refusal.data.get('rule')})"
        try:
            after = attempts.undo(transaction, "rejected", unit.now, error=refusal.code, message=message)
        except InvalidState:
            continue  # mined or ended in the meantime
        batch.change(unit, after)


def hold(transaction_id: str, block_seconds: float) -> None:
    """Mark a queued transaction as waiting for funds; it has no nonce and continues when the funds arrive."""
    commit(_hold, transaction_id, block_seconds)


def _hold(unit: UnitOfWork, transaction_id: str, block_seconds: float) -> None:
    batch = Batch.read(unit, [transaction_id])
    transaction = batch.rows[transaction_id]
    if transaction.state == "accepted":
        after = attempts.block(transaction, "FUNDS_BLOCKED", unit.now, block_seconds)
        batch.change(unit, after)
