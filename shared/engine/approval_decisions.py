"""Approve or decline a transaction that waits for a second person, in the commit that writes the decision."""

from __future__ import annotations

from schemas.transactions import Transaction as Resource
from shared.domain.permissions import Caller
from shared.domain.transactions import approvals
from shared.domain.transactions.transactions import Transaction
from shared.domain.wallets import policies as rules
from shared.domain.wallets.policies import Policy
from shared.engine import batch
from shared.store.tables.transactions import TRANSACTIONS
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import approval, policy_enforcement


def approve(unit: UnitOfWork, transaction_id: str, caller: Caller) -> Resource:
    """Give one of the approvals that the policy requires, if the policy still allows the transaction.

    Raises PolicyDenied, OwnTransaction, InvalidState, and everything that `policy_for` raises."""
    transaction, policy = _read(unit, transaction_id, caller)
    required = (policy.approvals_required if policy is not None else None) or 1
    standing = approval.standing(unit, policy, transaction.approvals or [])
    after = approvals.approve(transaction, caller.user_id, unit.now, required, standing)
    if policy is not None:
        rules.check(policy, policy_enforcement.outflow_of(transaction, transaction.committed_gas))
    return _changed(unit, transaction, after)


def decline(unit: UnitOfWork, transaction_id: str, caller: Caller, reason: str | None) -> Resource:
    """Reject the transaction; one person is enough. Raises OwnTransaction, InvalidState, and
    what `policy_for` raises."""
    transaction, _ = _read(unit, transaction_id, caller)
    return _changed(unit, transaction, approvals.decline(transaction, caller.user_id, unit.now, reason))


def _read(unit: UnitOfWork, transaction_id: str, caller: Caller) -> tuple[Transaction, Policy | None]:
    transaction = unit.one(TRANSACTIONS.get(transaction_id))
    policy = approval.policy_for(unit, caller, transaction)
    unit.match(transaction)
    return transaction, policy


def _changed(unit: UnitOfWork, before: Transaction, after: Transaction) -> Resource:
    batch.Batch.of(before, []).change(unit, after)
    return batch.view_of(after, [])
