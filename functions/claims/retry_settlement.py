"""Pay what is unpaid of a failed claim in a new round. Only what was seen final and unpaid is paid again."""

from __future__ import annotations

import logging

from schemas.claims import Claim, RetrySettlement
from shared import resources
from shared.commit import commit
from shared.desk import paying, whole
from shared.desk.paying import Plans
from shared.domain import settlement
from shared.identity.permissions import Caller
from shared.operation import http, message
from shared.store import claims
from shared.store.session import Session
from shared.store.unit import UnitOfWork

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
        paying.require_unpaid(session, claim)
        plans = paying.planned(session, claim)
    with paying.denials_audited():
        answer = commit(_retry, request, plans)
    _log.info("settlement retried", extra={"claim": claim.id, "by": caller.user_id, "reason": request.reason})
    return answer


def _retry(unit: UnitOfWork, request: RetrySettlement, plans: Plans) -> Claim:
    claim, payments = unit.read(claims.by_id(request.claim_id), claims.payments_of(request.claim_id))
    unit.match(claim)
    held = whole.read(unit, claim.order_id)
    started = settlement.retry(
        held.order, claim, payments, held.allocations, new_id=unit.new_id, now=unit.now
    )
    return paying.pay(unit, started, plans, held, payments)
