"""The caller's own transactions, newest first; `status` is the public one."""

from __future__ import annotations

from schemas.transactions import ListTransactions, TransactionPage
from shared import listing, resources
from shared.domain.tx_states import public_status
from shared.engine import showing
from shared.identity.permissions import Caller
from shared.operation import http
from shared.store.port import Row
from shared.store.session import Session
from shared.store.transactions import TRANSACTIONS_BY_OWNER


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

    rows, cursor = listing.page(
        TRANSACTIONS_BY_OWNER,
        [caller.subject(request.user_id)],
        limit=request.limit,
        cursor=request.cursor,
        filters={"wallet_id": request.wallet_id, "chain": request.chain},
        keep=shows if request.status else None,
    )
    items = showing.views(Session(resources.database().snapshot()), rows)
    return TransactionPage(items=items, next_cursor=cursor)
