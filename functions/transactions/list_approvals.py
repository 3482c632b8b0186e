"""List transactions that wait for the caller's approval under a policy that names the caller, newest first."""

from __future__ import annotations

from schemas.base import PageQuery
from schemas.transactions import ApprovalPage, WaitingApproval
from shared import resources
from shared.domain.permissions import Caller
from shared.reads import pagination
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.transactions import APPROVAL_REQUESTS_BY_USER, TRANSACTIONS


@http(
    "GET", "/approvals", permission="transaction:read", others="owner", request=PageQuery, answer=ApprovalPage
)
def list_approvals(request: PageQuery, caller: Caller) -> ApprovalPage:
    requests, cursor = pagination.page(
        APPROVAL_REQUESTS_BY_USER, [caller.user_id], limit=request.limit, cursor=request.cursor, filters={}
    )
    if not requests:
        return ApprovalPage(items=[], next_cursor=cursor)
    session = Session(resources.database().snapshot())
    rows = session.many(TRANSACTIONS.get_many((one.transaction_id,) for one in requests))
    waiting = {row.id: WaitingApproval.of(row) for row in rows if row.state == "held"}
    items = [waiting[one.transaction_id] for one in requests if one.transaction_id in waiting]
    return ApprovalPage(items=items, next_cursor=cursor)
