"""Approve or decline, as a second person, a transaction that exceeds its wallet's `approval_above`.

Only for somebody who has just signed in, whom the policy names or who administrates. It has no command: a message
proves no person."""

from __future__ import annotations

from schemas.transactions import ApproveTransaction, Transaction
from shared import approving, policing
from shared.commit import commit
from shared.domain import approvals
from shared.domain import policies as rules
from shared.engine import changes, limits
from shared.identity.permissions import Caller
from shared.operation import SELF, http
from shared.store.transactions import TRANSACTIONS
from shared.store.unit import UnitOfWork


@http(
    "POST",
    "/transactions/{transaction_id}/approve",
    permission=SELF,
    request=ApproveTransaction,
    answer=Transaction,
    publishes=("transaction-events",),
)
def approve_transaction(request: ApproveTransaction, caller: Caller) -> Transaction:
    with policing.denials_audited(request.transaction_id):
        return commit(_decide, request, caller)


def _decide(unit: UnitOfWork, request: ApproveTransaction, caller: Caller) -> Transaction:
    found = unit.one(TRANSACTIONS.get(request.transaction_id))
    policy = approving.policy_for(unit, caller, found)
    unit.match(found)
    if request.decision == "decline":
        after = approvals.decline(found, caller.user_id, unit.now, request.reason)
    else:
        after = approvals.approve(found, caller.user_id, unit.now)
        if policy is not None:
            rules.check(policy, limits.action_of(found))
    changes.Batch.of(found, []).change(unit, after)
    return changes.show(after, [])
