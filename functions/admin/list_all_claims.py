"""List the claims of all users, newest first."""

from __future__ import annotations

from typing import get_args

from schemas.claims import ClaimPage
from schemas.operators import ListAllClaims
from shared.desk import claims, operator_lists
from shared.domain.desk.states import ClaimStatus
from shared.domain.permissions import Caller
from shared.runtime.operation import http
from shared.store.tables.claims import CLAIMS_BY_STATUS, CLAIMS_BY_USER


@http("GET", "/admin/claims", permission="admin:read", request=ListAllClaims, answer=ClaimPage)
def list_all_claims(request: ListAllClaims, caller: Caller) -> ClaimPage:
    rows, cursor = operator_lists.page(
        request, every=CLAIMS_BY_STATUS, statuses=get_args(ClaimStatus), of_user=CLAIMS_BY_USER
    )
    return ClaimPage(items=claims.views(rows), next_cursor=cursor)
