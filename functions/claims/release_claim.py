"""Give a claimed order back as its claimer: the order is open again with a higher epoch, or expired."""

from __future__ import annotations

from schemas.claims import Claim, ReleaseClaim
from shared.desk import authorization, endings
from shared.domain.desk import claims as rules
from shared.domain.permissions import Caller
from shared.runtime.operation import http, message
from shared.store.tables import claims
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/claims/{claim_id}/release",
    permission="claim:execute",
    request=ReleaseClaim,
    answer=Claim,
    publishes=("claim-events", "order-events", "supply-events"),
)
@message("claim-commands", type="claim.release", request=ReleaseClaim)
def release_claim(request: ReleaseClaim, caller: Caller) -> Claim:
    return commit(_release, request, caller)


def _release(unit: UnitOfWork, request: ReleaseClaim, caller: Caller) -> Claim:
    claim = unit.one(claims.by_id(request.claim_id))
    authorization.as_claimer(caller, claim)
    unit.match(claim)
    return endings.end_claim(
        unit,
        "claim.released",
        claim.order_id,
        lambda order: rules.release(claim, order, unit.now, request.epoch),
    )
