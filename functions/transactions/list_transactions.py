"""List the caller's transactions, newest first."""

from __future__ import annotations

from schemas.transactions import ListTransactions, TransactionPage
from shared import resources
from shared.domain.permissions import Caller
from shared.domain.transactions.states import public_status
from shared.engine import queries
from shared.reads import owned_lists
from shared.runtime.operation import http
from shared.store.port import Row
from shared.store.session import Session
from shared.store.tables.transactions import TRANSACTIONS_BY_OWNER


@http(
    "GET",
    "/transactions",
    permission="transaction:read",
    request=ListTransactions,
    answer=TransactionPage,
    needs=("chain",),
)
def list_transactions(request: ListTransactions, caller: Caller) -> TransactionPage:
    def shows(entry: Row) -> bool:
        return public_status(entry["state"], entry["blocked_reason"]) == request.status

    rows, cursor = owned_lists.page(
        TRANSACTIONS_BY_OWNER,
        [caller.listed(request.user_id)],
        request,
        filters={"wallet_id": request.wallet_id, "chain": resources.registry().named(request.chain)},
        keep=shows if request.status else None,
    )
    items = queries.views(Session(resources.database().snapshot()), rows)
    return TransactionPage(items=items, next_cursor=cursor)
