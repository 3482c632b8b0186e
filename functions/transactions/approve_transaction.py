"""Approve or decline, as a second person, a transaction that exceeds its wallet's `approval_above`.

Only for somebody who has just signed in, whom the policy names or who administrates. It has no command: a message
proves no person. What would fail by now is not approved and stays held: it may be approved later, or ended."""

from __future__ import annotations

from schemas.transactions import ApproveTransaction, Transaction
from shared import approving, policing, resources
from shared.commit import commit
from shared.domain import approvals
from shared.domain import policies as rules
from shared.engine import asking, changes, limits
from shared.identity.permissions import Caller
from shared.operation import SELF, http
from shared.store.session import Session
from shared.store.transactions import TRANSACTIONS
from shared.store.unit import UnitOfWork


@http(
    "POST",
    "/transactions/{transaction_id}/approve",
    permission=SELF,
    request=ApproveTransaction,
    answer=Transaction,
    needs=("chain",),
    publishes=("transaction-events",),
)
def approve_transaction(request: ApproveTransaction, caller: Caller) -> Transaction:
    if request.decision == "approve":
        _try_again(request.transaction_id, caller)
    with policing.denials_audited(request.transaction_id):
        return commit(_decide, request, caller)


def _try_again(transaction_id: str, caller: Caller) -> None:
    """The chain has moved on since it was accepted. Only who may decide learns what it would do now.

    Raises what `policy_for` and `asking.preflight` raise."""
    session = Session(resources.database().snapshot())
    found = session.one(TRANSACTIONS.get(transaction_id))
    approving.policy_for(session, caller, found)
    if found.state == "held":
        asking.again(resources.chain(found.chain), found)


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
