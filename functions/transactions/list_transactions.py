"""List the caller's transactions, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from schemas.transactions import ListTransactions, TransactionPage
from shared import resources
from shared.domain.permissions import Caller
from shared.domain.transactions.states import public_status
from shared.domain.transactions.transactions import Transaction
from shared.engine import queries
from shared.reads import owned_lists
from shared.runtime.operation import http
from shared.store.port import Row
from shared.store.session import Session
from shared.store.tables.transactions import TRANSACTIONS_BY_OWNER

MAX_DATA: Final = 1024**2  # bytes of all transactions of a page: it may be short, and its cursor continues


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
        fitting=_fitting,
    )
    items = queries.views(Session(resources.database().snapshot()), rows)
    return TransactionPage(items=items, next_cursor=cursor)


def _fitting(rows: Sequence[Transaction]) -> int:
    """How many of the transactions one answer may hold; one at least."""
    sizes = accumulate(len(row.data) for row in rows)
    return max(1, sum(size <= MAX_DATA for size in sizes))
