"""Get one claim. Its claimer and the order's owner may see it."""

from __future__ import annotations

from schemas.claims import Claim, GetClaim
from shared import resources
from shared.desk import claims as desk_claims
from shared.domain.permissions import Caller
from shared.reads.cached_read import Loaded, by_id
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables import claims


@http(
    "GET",
    "/claims/{claim_id}",
    permission="claim:read",
    request=GetClaim,
    answer=Claim,
    needs=("cache",),
)
def get_claim(request: GetClaim, caller: Caller) -> Claim:
    def load(session: Session) -> Loaded[Claim]:
        claim, payments = session.read(claims.by_id(request.claim_id), claims.payments_of(request.claim_id))
        view = Claim.of(claim, payments)
        return Loaded(
            claim.user_id,
            claim.version,
            view,
            lambda reader: view if reader.user_id == claim.order_user_id else None,
        )

    view = by_id("claims", request.claim_id, caller, Claim, load)
    return desk_claims.as_of_now(view, resources.clock().now())
