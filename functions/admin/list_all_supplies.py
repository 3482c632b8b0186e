"""List the supplies of all users, newest first."""

from __future__ import annotations

from typing import get_args

from schemas.operators import ListAllSupplies
from schemas.supplies import Supply, SupplyPage
from shared import resources
from shared.desk import supplies
from shared.domain.desk.states import SupplyStatus
from shared.domain.permissions import Caller
from shared.reads import by_status, pagination
from shared.runtime.operation import http
from shared.store.tables.supplies import SUPPLIES_BY_OWNER, SUPPLIES_BY_STATUS


@http("GET", "/admin/supplies", permission="admin:read", request=ListAllSupplies, answer=SupplyPage)
def list_all_supplies(request: ListAllSupplies, caller: Caller) -> SupplyPage:
    filters = {
        "chain": resources.registry().named(request.chain),
        "currency": supplies.symbol_of(request.chain, request.currency),
    }
    limit, cursor, until = request.limit, request.cursor, request.created_before
    if request.user_id is not None:
        rows, following = pagination.page_now(
            SUPPLIES_BY_OWNER,
            [request.user_id],
            limit=limit,
            cursor=cursor,
            filters=filters | {"status": request.status},
            keep=lambda row: until is None or row.created_at < until,
        )
    else:
        statuses = [request.status] if request.status else get_args(SupplyStatus)
        rows, following = by_status.page(
            SUPPLIES_BY_STATUS, statuses, limit=limit, cursor=cursor, until=until, filters=filters
        )
    return SupplyPage(items=[Supply.of(row) for row in rows], next_cursor=following)
