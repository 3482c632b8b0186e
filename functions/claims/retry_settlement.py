"""Pay the unpaid part of a failed claim in a new round.

Only payments that are final and unpaid on chain are paid again.
"""

from __future__ import annotations

import logging

from schemas.claims import Claim, RetrySettlement
from shared import resources
from shared.desk import orders
from shared.domain.desk import settlement
from shared.domain.permissions import Caller
from shared.engine import payouts
from shared.engine.payouts import Plans
from shared.runtime.operation import http, message
from shared.store.session import Session
from shared.store.tables import claims
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

_log = logging.getLogger(__name__)


@http(
    "POST",
    "/claims/{claim_id}/retry-settlement",
    permission="admin:settle",
    request=RetrySettlement,
    answer=Claim,
    needs=("chain",),
    publishes=("claim-events", "order-events", "transaction-events"),
)
@message("claim-commands", type="claim.retry_settlement", request=RetrySettlement)
def retry_settlement(request: RetrySettlement, caller: Caller) -> Claim:
    session = Session(resources.database().snapshot())
    claim = session.one(claims.by_id(request.claim_id))
    plans: Plans = {}
    if claim.status == "failed":
        payouts.require_unpaid(session, claim)
        plans = payouts.planned(session, claim)
    with payouts.denials_audited():
        answer = commit(_retry, request, plans)
    _log.info("settlement retried", extra={"claim": claim.id, "by": caller.user_id, "reason": request.reason})
    return answer


def _retry(unit: UnitOfWork, request: RetrySettlement, plans: Plans) -> Claim:
    claim, payments = unit.read(claims.by_id(request.claim_id), claims.payments_of(request.claim_id))
    unit.match(claim)
    aggregate = orders.read(unit, claim.order_id)
    started = settlement.retry(
        aggregate.order, claim, payments, aggregate.allocations, new_id=unit.new_id, now=unit.now
    )
    return payouts.pay(unit, started, plans, aggregate, payments)
