"""List the caller's claims, or with `order_id` all claims of one of the caller's orders; newest first."""

from __future__ import annotations

from schemas.claims import ClaimPage, ListClaims
from shared import resources
from shared.desk import claims as desk_claims
from shared.domain.desk.claims import Claim
from shared.domain.errors import NotFound
from shared.domain.permissions import Caller
from shared.reads import owned_lists
from shared.reads.pagination import kept_page, page
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables import claims, orders

STORED_AS = {"expired": ("claimed", "expired")}  # stored statuses of rows that may have this status now


@http("GET", "/claims", permission="claim:read", request=ListClaims, answer=ClaimPage)
def list_claims(request: ListClaims, caller: Caller) -> ClaimPage:
    if request.order_id is None:
        index, owner = claims.CLAIMS_BY_USER, caller.listed(request.user_id)
    else:
        _require_owner(request.order_id, caller)
        index, owner = claims.CLAIMS_BY_ORDER, request.order_id
    now, status = resources.clock().now(), request.status
    span = owned_lists.span_of(request)
    bounds = [] if span == owned_lists.UNBOUNDED else [str(bound) for bound in span]
    filters = {"status": STORED_AS.get(status or "", status)}

    def read(limit: int, cursor: str | None) -> tuple[list[Claim], str | None]:
        return page(index, [owner], limit=limit, cursor=cursor, filters=filters, span=span, more=bounds)

    rows, cursor = kept_page(
        read,
        limit=request.limit,
        cursor=request.cursor,
        keep=lambda claim: status in (None, claim.status_at(now)),
    )
    return ClaimPage(items=desk_claims.views_now(rows, now), next_cursor=cursor)


def _require_owner(order_id: str, caller: Caller) -> None:
    order = Session(resources.database().snapshot()).one(orders.by_id(order_id))
    if not caller.sees(order.user_id):
        raise NotFound
