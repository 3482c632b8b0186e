"""List the transactions of all users, newest first, with their attempts and what each one waits for."""

from __future__ import annotations

from typing import get_args

from schemas.operators import ListAllTransactions
from schemas.transactions import TransactionPage
from shared import resources
from shared.domain.permissions import Caller
from shared.domain.transactions.states import LIVE, PUBLIC, State, public_status
from shared.domain.transactions.transactions import Transaction
from shared.engine import queries
from shared.reads import by_status, pagination
from shared.runtime.operation import http
from shared.store.port import Row
from shared.store.session import Session
from shared.store.tables.transactions import TRANSACTIONS_BY_OWNER, TRANSACTIONS_BY_STATE


@http(
    "GET",
    "/admin/transactions",
    permission="admin:read",
    request=ListAllTransactions,
    answer=TransactionPage,
    needs=("chain",),
)
def list_all_transactions(request: ListAllTransactions, caller: Caller) -> TransactionPage:
    resources.registry().named(request.chain)
    read = _of_user if request.user_id else _of_everybody
    rows, cursor = read(request)
    items = queries.views(Session(resources.database().snapshot()), rows)
    return TransactionPage(items=items, next_cursor=cursor)


def _of_user(request: ListAllTransactions) -> tuple[list[Transaction], str | None]:
    until = request.created_before

    def keep(entry: Row) -> bool:
        shown = request.status in (None, public_status(entry["state"], entry["blocked_reason"]))
        return shown and (until is None or entry["created_at"] < until)

    return pagination.page(
        TRANSACTIONS_BY_OWNER,
        [request.user_id],
        limit=request.limit,
        cursor=request.cursor,
        filters={"wallet_id": request.wallet_id, "chain": request.chain},
        keep=keep,
    )


def _of_everybody(request: ListAllTransactions) -> tuple[list[Transaction], str | None]:
    status = request.status

    def shows(entry: Row) -> bool:
        return public_status(entry["state"], entry["blocked_reason"]) == status

    return by_status.page(
        TRANSACTIONS_BY_STATE,
        [state for state in get_args(State) if status is None or _may_show(state, status)],
        limit=request.limit,
        cursor=request.cursor,
        until=request.created_before,
        filters={"wallet_id": request.wallet_id, "chain": request.chain},
        keep=shows if status in ("queued", "submitted") else None,
    )


def _may_show(state: State, status: str) -> bool:
    return PUBLIC[state] == status or (status == "submitted" and state in LIVE)
