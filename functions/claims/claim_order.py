"""Claim an open order: exactly one claim wins, and the winner has a lease until `lease_until`.

All others get 409 ORDER_ALREADY_CLAIMED. Extend the lease by a heartbeat; when it runs out, the order is open again.
`epoch` grows with each claim of an order: send it with later calls, and a claimer who is too late is refused.
"""

from __future__ import annotations

from datetime import timedelta

from schemas.claims import Claim, ClaimOrder
from shared import resources
from shared.desk import claims
from shared.domain.permissions import Caller
from shared.runtime.operation import http, message
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/claims",
    permission="claim:execute",
    request=ClaimOrder,
    answer=Claim,
    status=201,
    location="/claims/{id}",
    also=(200,),
    idempotency="required",
    publishes=("claim-events", "order-events"),
)
@message("claim-commands", type="claim.claim", request=ClaimOrder)
def claim_order(request: ClaimOrder, caller: Caller) -> Claim:
    # The order is read first and is enough to refuse losers; all other rows are read for the winner only.
    lease = timedelta(seconds=resources.settings().claim_lease_seconds)
    return commit(_claim, request, caller, lease, optimistic=True)


def _claim(unit: UnitOfWork, request: ClaimOrder, caller: Caller, lease: timedelta) -> Claim:
    return claims.begin(unit, request.order_id, request.wallet_id, caller, lease)
