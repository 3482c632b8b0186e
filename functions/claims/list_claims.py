"""One's own claims, or with `order_id` all claims of one's own order; newest first."""

from __future__ import annotations

from schemas.claims import ClaimPage, ListClaims
from shared import resources
from shared.desk import claims as desk_claims
from shared.domain.errors import NotFound
from shared.domain.permissions import Caller
from shared.reads.pagination import page_now
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables import claims, orders

WRITTEN = {"expired": ("claimed", "expired")}  # what the rows of a status may still say


@http("GET", "/claims", permission="claim:read", request=ListClaims, answer=ClaimPage)
def list_claims(request: ListClaims, caller: Caller) -> ClaimPage:
    if request.order_id is None:
        index, owner = claims.CLAIMS_BY_USER, caller.listed(request.user_id)
    else:
        _require_owner(request.order_id, caller)
        index, owner = claims.CLAIMS_BY_ORDER, request.order_id
    now, status = resources.clock().now(), request.status
    rows, cursor = page_now(
        index,
        [owner],
        limit=request.limit,
        cursor=request.cursor,
        filters={"status": WRITTEN.get(status or "", status)},
        keep=lambda claim: status in (None, claim.status_at(now)),
    )
    return ClaimPage(items=desk_claims.views_now(rows, now), next_cursor=cursor)


def _require_owner(order_id: str, caller: Caller) -> None:
    order = Session(resources.database().snapshot()).one(orders.by_id(order_id))
    if not caller.sees(order.user_id):
        raise NotFound
