"""Give a claimed order back: it is open again, with a higher epoch, or expired when past its time."""

from __future__ import annotations

from schemas.claims import Claim, ReleaseClaim
from shared.commit import commit
from shared.desk import access, endings, whole
from shared.domain import claims as rules
from shared.identity.permissions import Caller
from shared.operation import http, message
from shared.store import claims
from shared.store.unit import UnitOfWork


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
    access.as_claimer(caller, claim)
    unit.match(claim)
    held = whole.read(unit, claim.order_id)
    ended = rules.release(claim, held.order, unit.now, request.epoch)
    return endings.end_tenure(unit, "claim.released", ended, held)
