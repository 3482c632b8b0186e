"""The order's owner takes a claimed order back: it is open again, or expired when past its time."""

from __future__ import annotations

from schemas.claims import Claim, RejectClaim
from shared.commit import commit
from shared.desk import access, endings, whole
from shared.domain import claims as rules
from shared.identity.permissions import Caller
from shared.operation import http, message
from shared.store import claims
from shared.store.unit import UnitOfWork


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
    access.as_order_owner(caller, claim)
    unit.match(claim)
    held = whole.read(unit, claim.order_id)
    ended = rules.reject(claim, held.order, request.reason, unit.now)
    return endings.end_tenure(unit, "claim.rejected", ended, held)
