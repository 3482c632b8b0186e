"""Take a claimed order back as its owner: the order is open again, or expired if its time is over."""

from __future__ import annotations

from schemas.claims import Claim, RejectClaim
from shared.desk import authorization, endings
from shared.domain.desk import claims as rules
from shared.domain.permissions import Caller
from shared.runtime.operation import http, message
from shared.store.tables import claims
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/claims/{claim_id}/reject",
    permission="claim:execute",
    request=RejectClaim,
    answer=Claim,
    publishes=("claim-events", "order-events", "supply-events"),
)
@message("claim-commands", type="claim.reject", request=RejectClaim)
def reject_claim(request: RejectClaim, caller: Caller) -> Claim:
    return commit(_reject, request, caller)


def _reject(unit: UnitOfWork, request: RejectClaim, caller: Caller) -> Claim:
    claim = unit.one(claims.by_id(request.claim_id))
    authorization.as_order_owner(caller, claim)
    unit.match(claim)
    return endings.end_claim(
        unit,
        "claim.rejected",
        claim.order_id,
        lambda order: rules.reject(claim, order, request.reason, unit.now),
    )
