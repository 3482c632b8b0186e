"""Approve, or decline by `decision`, as a second person, a transaction above its wallet's `approval_above`.

The caller must have signed in recently, and must be named by the policy or be an administrator; API keys may not do
this. The transaction is tried again first: if it would fail now, it stays held and can be approved later, declined or
cancelled.
"""

from __future__ import annotations

from schemas.transactions import ApproveTransaction, Transaction
from shared import resources
from shared.domain.permissions import Caller
from shared.engine import approval_decisions, preflight
from shared.runtime.operation import SELF, http
from shared.store.session import Session
from shared.store.tables.transactions import TRANSACTIONS
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import approval, policy_denials
from shared.writes.commit import commit


@http(
    "POST",
    "/transactions/{transaction_id}/approve",
    permission=SELF,
    proven=True,
    person=True,
    others="approver",
    request=ApproveTransaction,
    answer=Transaction,
    needs=("chain",),
    publishes=("transaction-events",),
)
def approve_transaction(request: ApproveTransaction, caller: Caller) -> Transaction:
    # There is no command for this, because a message does not prove that a person sent it.
    if request.decision == "approve":
        _try_again(request.transaction_id, caller)
    with policy_denials.audited(request.transaction_id):
        return commit(_decide, request, caller)


def _try_again(transaction_id: str, caller: Caller) -> None:
    """Simulate the transaction again, because the chain has changed since it was accepted. Callers who may not approve
    it do not learn the result.

    Raises the refusals of `policy_for` and `preflight.again`."""
    session = Session(resources.database().snapshot())
    transaction = session.one(TRANSACTIONS.get(transaction_id))
    approval.policy_for(session, caller, transaction)
    if transaction.state == "held":
        preflight.again(resources.chain(transaction.chain), transaction)


def _decide(unit: UnitOfWork, request: ApproveTransaction, caller: Caller) -> Transaction:
    if request.decision == "decline":
        return approval_decisions.decline(unit, request.transaction_id, caller, request.reason)
    return approval_decisions.approve(unit, request.transaction_id, caller)
