"""List the caller's supplies, newest first."""

from __future__ import annotations

from schemas.supplies import ListSupplies, Supply, SupplyPage
from shared import resources
from shared.desk import supplies
from shared.domain.permissions import Caller
from shared.reads.owned_lists import page
from shared.runtime.operation import http
from shared.store.tables.supplies import SUPPLIES_BY_OWNER


@http("GET", "/supplies", permission="supply:read", request=ListSupplies, answer=SupplyPage)
def list_supplies(request: ListSupplies, caller: Caller) -> SupplyPage:
    rows, cursor = page(
        SUPPLIES_BY_OWNER,
        [caller.listed(request.user_id)],
        request,
        filters={
            "chain": resources.registry().named(request.chain),
            "currency": supplies.symbol_of(request.chain, request.currency),
            "status": request.status,
        },
    )
    return SupplyPage(items=[Supply.of(row) for row in rows], next_cursor=cursor)
