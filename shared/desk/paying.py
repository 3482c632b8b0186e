"""A round of payments: screened, and planned on chain, outside the transaction, inserted with the move to processing.

The engine's part is `shared.engine.payments`: `plan` asks gas, fees, balances and policy, `accept` inserts the
transaction and books the funds rows. How the outcome comes back is in `settlement`.
"""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from schemas.claims import Claim as ClaimView
from shared import policing, resources
from shared.desk import access
from shared.desk.telling import tell_claim, tell_order
from shared.desk.whole import Whole
from shared.domain.allocation import MAX_ALLOCATIONS, Allocation
from shared.domain.claims import Claim, require_claimed
from shared.domain.money import format_amount
from shared.domain.policies import PolicyDenied
from shared.domain.settlement import Payment, Round, newest
from shared.errors import Contended
from shared.identity.permissions import Caller
from shared.screening import Payout, PayoutRefused
from shared.store import claims, orders, supplies
from shared.store.session import Session
from shared.store.unit import UnitOfWork

if TYPE_CHECKING:
    from shared.engine.payments import PaymentPlan

Plans = Mapping[str, "PaymentPlan"]  # by allocation
_log = logging.getLogger(__name__)


def plans(claim_id: str, caller: Caller) -> Plans:
    """What each payment of the claim's order would cost, asked of the chain.

    Raises NotFound, Forbidden, InvalidState, SettlementUnfunded, SimulationFailed, ChainError, and what
    `screen` does."""
    session = Session(resources.database().snapshot())
    claim = session.one(claims.by_id(claim_id))
    access.as_order_owner(caller, claim)
    require_claimed(claim, resources.clock().now())
    return planned(session, claim)


def planned(session: Session, claim: Claim) -> Plans:
    """A plan for every allocation that is still reserved; the chain is asked for all of them, and screening for
    the recipient that they share, at once."""
    from shared.engine import payments

    parts = [p for p in session.many(orders.allocations_of(claim.order_id)) if p.status == "reserved"]
    stock = session.many(supplies.by_ids(sorted({part.supply_id for part in parts}))) if parts else []
    address = {supply.id: supply.address for supply in stock}

    def planned_one(part: Allocation) -> PaymentPlan:
        asked = address[part.supply_id], claim.recipient, claim.token_address, part.amount
        return payments.plan(claim.chain, *asked)

    with ThreadPoolExecutor(MAX_ALLOCATIONS + 1) as pool:
        total = sum(part.amount for part in parts)
        screened = pool.submit(contextvars.copy_context().run, screen, claim, total) if parts else None
        work = [pool.submit(contextvars.copy_context().run, planned_one, part) for part in parts]
        if screened is not None:
            screened.result()
        return {part.id: one.result() for part, one in zip(parts, work, strict=True)}


def screen(claim: Claim, amount: int) -> None:
    """Ask whether the claim's recipient may be paid this much; a refusal is audited. Outside of any body.

    Raises PayoutRefused, ScreeningUnavailable."""
    text = format_amount(amount, claim.decimals)
    verdict = resources.screening().ask(Payout(claim.chain, claim.recipient, text, claim.currency, claim.id))
    if verdict.allowed:
        return
    policing.record(claim.id, f"payout.refused:{verdict.reason}")
    _log.info("payout refused by screening", extra={"claim": claim.id})
    raise PayoutRefused(recipient=claim.recipient)


def require_unpaid(session: Session, claim: Claim) -> None:
    """What a failed claim's newest payments did not pay, they will not: asked of the chain once more.

    Raises InvalidState, ChainError."""
    from shared.engine import unpaid

    payments = session.many(claims.payments_of(claim.id))
    left = [payment for payment in newest(payments).values() if payment.status != "paid"]
    unpaid.require(claim.chain, [payment.transaction_id for payment in left])


def pay(
    unit: UnitOfWork, started: Round, plans: Plans, whole: Whole, earlier: Iterable[Payment] = ()
) -> ClaimView:
    """Write the round; the view of the claim with all payments. Raises SettlementUnfunded, PolicyDenied."""
    from shared.engine import payments

    if any(payment.allocation_id not in plans for payment in started.payments):
        raise Contended  # something changed between the plan and the commit: repeat
    unit.write(started.claim, started.order, *started.payments)
    for payment in started.payments:
        try:
            payments.accept(
                unit,
                plans[payment.allocation_id],
                transaction_id=payment.transaction_id,
                wallet_id=payment.wallet_id,
                user_id=started.order.user_id,
                claim_id=payment.claim_id,
                allocation_id=payment.allocation_id,
                round=payment.round,
            )
        except PolicyDenied as denied:
            denied.data["wallet_id"] = payment.wallet_id
            raise
    tell_order(unit, "order.updated", whole.now(started.order))
    return tell_claim(unit, "claim.processing", started.claim, [*earlier, *started.payments])


@contextmanager
def denials_audited() -> Iterator[None]:
    """Around the commit of a round: audit which wallet's policy refused it."""
    try:
        yield
    except PolicyDenied as denied:
        policing.denial(denied.data["wallet_id"], denied)
        raise
