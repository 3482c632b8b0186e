"""Approve or decline, as a second person, a transaction that exceeds its wallet's `approval_above`.

Only for somebody who has just signed in, whom the policy names or who administrates. It has no command: a message
proves no person. What would fail by now is not approved and stays held: it may be approved later, or ended."""

from __future__ import annotations

from schemas.transactions import ApproveTransaction, Transaction
from shared import resources
from shared.domain.permissions import Caller
from shared.domain.transactions import approvals
from shared.domain.wallets import policies as rules
from shared.engine import batch, preflight
from shared.runtime.operation import SELF, http
from shared.store.session import Session
from shared.store.tables.transactions import TRANSACTIONS
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import approval, policy_enforcement
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
    if request.decision == "approve":
        _try_again(request.transaction_id, caller)
    with policy_enforcement.denials_audited(request.transaction_id):
        return commit(decide, request, caller)


def _try_again(transaction_id: str, caller: Caller) -> None:
    """The chain has moved on since it was accepted. Only who may decide learns what it would do now.

    Raises what `policy_for` and `preflight.again` raise."""
    session = Session(resources.database().snapshot())
    transaction = session.one(TRANSACTIONS.get(transaction_id))
    approval.policy_for(session, caller, transaction)
    if transaction.state == "held":
        preflight.again(resources.chain(transaction.chain), transaction)


def decide(unit: UnitOfWork, request: ApproveTransaction, caller: Caller) -> Transaction:
    transaction = unit.one(TRANSACTIONS.get(request.transaction_id))
    policy = approval.policy_for(unit, caller, transaction)
    unit.match(transaction)
    if request.decision == "decline":
        after = approvals.decline(transaction, caller.user_id, unit.now, request.reason)
    else:
        after = approvals.approve(transaction, caller.user_id, unit.now)
        if policy is not None:
            rules.check(policy, policy_enforcement.outflow_of(transaction, transaction.committed_gas))
    batch.Batch.of(transaction, []).change(unit, after)
    return batch.view_of(after, [])
