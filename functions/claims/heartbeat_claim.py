"""Extend the lease of a claim, up to two hours in total and never past the order's expiry."""

from __future__ import annotations

from datetime import timedelta

from schemas.claims import Claim, HeartbeatClaim
from shared import resources
from shared.desk import authorization
from shared.domain.desk import claims as rules
from shared.domain.permissions import Caller
from shared.runtime.operation import http, message
from shared.store.tables import claims, orders
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/claims/{claim_id}/heartbeat",
    permission="claim:execute",
    request=HeartbeatClaim,
    answer=Claim,
    publishes=("claim-events",),
)
@message("claim-commands", type="claim.heartbeat", request=HeartbeatClaim)
def heartbeat_claim(request: HeartbeatClaim, caller: Caller) -> Claim:
    lease = timedelta(seconds=resources.settings().claim_lease_seconds)
    return commit(_extend, request, caller, lease)


def _extend(unit: UnitOfWork, request: HeartbeatClaim, caller: Caller, lease: timedelta) -> Claim:
    claim = unit.one(claims.by_id(request.claim_id))
    authorization.as_claimer(caller, claim)
    unit.match(claim)
    order = unit.one(orders.by_id(claim.order_id))
    after = rules.heartbeat(claim, order, unit.now, lease, request.epoch)
    unit.write(after)
    return Claim.of(after)
