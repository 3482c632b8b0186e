"""List the claims of all users, newest first."""

from __future__ import annotations

from typing import get_args

from schemas.claims import ClaimPage
from schemas.operators import ListAllClaims
from shared import resources
from shared.desk import claims as desk_claims
from shared.desk import supplies
from shared.domain.desk.states import ClaimStatus
from shared.domain.permissions import Caller
from shared.reads import by_status, pagination
from shared.runtime.operation import http
from shared.store.tables.claims import CLAIMS_BY_STATUS, CLAIMS_BY_USER


@http("GET", "/admin/claims", permission="admin:read", request=ListAllClaims, answer=ClaimPage)
def list_all_claims(request: ListAllClaims, caller: Caller) -> ClaimPage:
    chain = resources.registry().named(request.chain)
    currency = supplies.symbol_of(request.chain, request.currency)
    limit, cursor, until = request.limit, request.cursor, request.created_before
    if request.user_id is not None:
        rows, following = pagination.page_now(
            CLAIMS_BY_USER,
            [request.user_id],
            limit=limit,
            cursor=cursor,
            filters={"status": request.status},
            keep=lambda row: (
                chain in (None, row.chain)
                and currency in (None, row.currency)
                and (until is None or row.created_at < until)
            ),
        )
    else:
        statuses = [request.status] if request.status else get_args(ClaimStatus)
        filters = {"chain": chain, "currency": currency}
        rows, following = by_status.page(
            CLAIMS_BY_STATUS, statuses, limit=limit, cursor=cursor, until=until, filters=filters
        )
    return ClaimPage(items=desk_claims.views(rows), next_cursor=following)
