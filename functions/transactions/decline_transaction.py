"""Decline, as a second person, a transaction that waits for approval: it ends, and its sender sees the reason."""

from __future__ import annotations

from schemas.transactions import DeclineTransaction, Transaction
from shared.domain.permissions import Caller
from shared.engine import approval_decisions
from shared.runtime.operation import SELF, http
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/transactions/{transaction_id}/decline",
    permission=SELF,
    proven=True,
    person=True,
    others="approver",
    request=DeclineTransaction,
    answer=Transaction,
    publishes=("transaction-events",),
)
def decline_transaction(request: DeclineTransaction, caller: Caller) -> Transaction:
    return commit(_decline, request, caller)


def _decline(unit: UnitOfWork, request: DeclineTransaction, caller: Caller) -> Transaction:
    return approval_decisions.decline(unit, request.transaction_id, caller, request.reason)
