"""Give up a failed settlement: unpaid amounts return to their supplies.

The answer lists what was paid.
"""

from __future__ import annotations

from schemas.claims import AbandonSettlement, Claim
from shared import resources
from shared.desk import orders, supplies
from shared.desk.events import emit_claim
from shared.domain.desk import settlement
from shared.domain.permissions import Caller
from shared.engine import payouts
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables import claims
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/claims/{claim_id}/abandon-settlement",
    permission="admin:settle",
    request=AbandonSettlement,
    answer=Claim,
    needs=("chain",),
    publishes=("claim-events", "supply-events"),
)
def abandon_settlement(request: AbandonSettlement, caller: Caller) -> Claim:
    session = Session(resources.database().snapshot())
    claim = session.one(claims.by_id(request.claim_id))
    if claim.status == "failed":
        payouts.require_unpaid(session, claim)
    return commit(_abandon, request)


def _abandon(unit: UnitOfWork, request: AbandonSettlement) -> Claim:
    claim, payments = unit.read(claims.by_id(request.claim_id), claims.payments_of(request.claim_id))
    unit.match(claim)
    aggregate = orders.read(unit, claim.order_id)
    before = supplies.reserved_by(unit, aggregate.allocations)
    done = settlement.abandon(
        claim, payments, aggregate.allocations, before, reason=request.reason, now=unit.now
    )
    unit.write(done.claim, *done.allocations)
    supplies.write(unit, before, done.moves)
    return emit_claim(unit, "claim.failed", done.claim, payments)
