"""List the supplies of all users, newest first."""

from __future__ import annotations

from typing import get_args

from schemas.operators import ListAllSupplies
from schemas.supplies import Supply, SupplyPage
from shared.desk import operator_lists
from shared.domain.desk.states import SupplyStatus
from shared.domain.permissions import Caller
from shared.runtime.operation import http
from shared.store.tables.supplies import SUPPLIES_BY_OWNER, SUPPLIES_BY_STATUS


@http("GET", "/admin/supplies", permission="admin:read", request=ListAllSupplies, answer=SupplyPage)
def list_all_supplies(request: ListAllSupplies, caller: Caller) -> SupplyPage:
    rows, cursor = operator_lists.page(
        request, every=SUPPLIES_BY_STATUS, statuses=get_args(SupplyStatus), of_user=SUPPLIES_BY_OWNER
    )
    return SupplyPage(items=[Supply.of(row) for row in rows], next_cursor=cursor)
