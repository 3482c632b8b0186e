"""Pay a claim as the order's owner: the supplies' wallets pay the claimer's wallet.

The recipient is screened, and gas, fees, balances and policy are checked first: if anything is refused, nothing starts.
The claim is then `processing`, and `processed` when every payment is final on chain; `GET /claims/{claim_id}` lists the
payments.
"""

from __future__ import annotations

from schemas.claims import Claim, ProcessClaim
from shared.desk import authorization, orders
from shared.domain.desk import settlement
from shared.domain.permissions import Caller
from shared.engine import payouts
from shared.engine.payouts import Plans
from shared.runtime.operation import http, message
from shared.store.tables import claims
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/claims/{claim_id}/process",
    permission="claim:execute",
    request=ProcessClaim,
    answer=Claim,
    status=202,
    needs=("chain",),
    publishes=("claim-events", "order-events", "transaction-events"),
)
@message("claim-commands", type="claim.process", request=ProcessClaim)
def process_claim(request: ProcessClaim, caller: Caller) -> Claim:
    plans = payouts.plans(request.claim_id, caller)
    with payouts.denials_audited():
        return commit(_process, request, caller, plans)


def _process(unit: UnitOfWork, request: ProcessClaim, caller: Caller, plans: Plans) -> Claim:
    claim = unit.one(claims.by_id(request.claim_id))
    authorization.as_order_owner(caller, claim)
    unit.match(claim)
    aggregate = orders.read(unit, claim.order_id)
    started = settlement.start(
        aggregate.order, claim, aggregate.allocations, new_id=unit.new_id, now=unit.now, epoch=request.epoch
    )
    return payouts.pay(unit, started, plans, aggregate)
