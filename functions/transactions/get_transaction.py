"""Get one transaction with its attempts and what it waits for, always in its newest state."""

from __future__ import annotations

from schemas.transactions import GetTransaction, Transaction
from shared import resources
from shared.domain.permissions import Caller
from shared.engine import queries
from shared.runtime.operation import http
from shared.store.session import Session


@http(
    "GET",
    "/transactions/{transaction_id}",
    permission="transaction:read",
    request=GetTransaction,
    answer=Transaction,
    needs=("chain",),
)
def get_transaction(request: GetTransaction, caller: Caller) -> Transaction:
    session = Session(resources.database().snapshot())
    return queries.view(*queries.read(session, caller, request.transaction_id))
