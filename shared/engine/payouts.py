"""Pay a round: screen and plan its payments on chain before the transaction body, and insert them with the move to
processing.

`accept_payment` plans and inserts one payment. `shared.desk.payment_outcomes` handles its outcome.
"""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from schemas.claims import Claim as ClaimResource
from shared import resources
from shared.adapters.screening import Payout, PayoutRefused
from shared.chain.errors import NoQuorum
from shared.desk import authorization
from shared.desk.events import emit_claim, emit_order
from shared.desk.orders import OrderAggregate
from shared.domain.desk.allocation import MAX_ALLOCATIONS, Allocation
from shared.domain.desk.claims import Claim, require_claimed
from shared.domain.desk.payout_gas import PayoutTooCostly
from shared.domain.desk.settlement import Payment, Round, newest
from shared.domain.errors import InvalidState
from shared.domain.money import format_amount
from shared.domain.permissions import Caller
from shared.domain.transactions.transactions import Attempt, Transaction
from shared.domain.wallets.policies import PolicyDenied
from shared.engine import accept_payment
from shared.engine.accept_payment import PaymentPlan
from shared.engine.chain_view import ChainView
from shared.engine.intents import Sender
from shared.runtime.errors import Contended
from shared.store.port import Write
from shared.store.session import Session
from shared.store.tables import claims, orders, supplies
from shared.store.tables.transactions import ATTEMPTS, TRANSACTIONS
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import policy_denials
from shared.writes import separate_audit

Plans = Mapping[str, PaymentPlan]  # by allocation id
_log = logging.getLogger(__name__)


def plans(claim_id: str, caller: Caller) -> Plans:
    """Plan each payment of the claim's order on chain.

    Raises NotFound, Forbidden, InvalidState, SettlementUnfunded, SimulationFailed, PayoutTooCostly, ChainError, and
    everything that `screen` raises."""
    session = Session(resources.database().snapshot())
    claim = session.one(claims.by_id(claim_id))
    authorization.as_order_owner(caller, claim)
    require_claimed(claim, resources.clock().now())
    return planned(session, claim)


def planned(session: Session, claim: Claim) -> Plans:
    """A plan for every allocation that is still reserved. The chain calls for all of them and the screening of their
    common recipient run in parallel."""
    parts = [p for p in session.many(orders.allocations_of(claim.order_id)) if p.status == "reserved"]
    stock = session.many(supplies.by_ids(sorted({part.supply_id for part in parts}))) if parts else []
    senders = {supply.id: Sender.of_supply(supply) for supply in stock}

    def planned_one(part: Allocation) -> PaymentPlan:
        sender = senders[part.supply_id]
        return accept_payment.plan(sender, claim.recipient, claim.token_address, part.amount)

    with ThreadPoolExecutor(MAX_ALLOCATIONS + 1) as pool:
        total = sum(part.amount for part in parts)
        screened = pool.submit(contextvars.copy_context().run, screen, claim, total) if parts else None
        work = [pool.submit(contextvars.copy_context().run, planned_one, part) for part in parts]
        if screened is not None:
            screened.result()
        try:
            return {part.id: one.result() for part, one in zip(parts, work, strict=True)}
        except PayoutTooCostly as refused:
            _remember(claim, refused)
            raise


def _remember(claim: Claim, refused: PayoutTooCostly) -> None:
    """Remember a too costly wallet, so that its next claims are refused before they hold somebody's order. Audited."""
    separate_audit.write(claim.id, "payout.refused:gas")
    columns, now = ("id", "payout_gas", "payout_gas_at"), resources.clock().now()
    row = (claim.wallet_id, refused.data["gas"], now)
    resources.database().write([Write("update", "wallets", columns, row)])


def screen(claim: Claim, amount: int) -> None:
    """Check with the screening service that the claim's recipient may receive this amount; a refusal is audited. Runs
    outside of any transaction body.

    Raises PayoutRefused, ScreeningUnavailable."""
    text = format_amount(amount, claim.decimals)
    verdict = resources.screening().ask(Payout(claim.chain, claim.recipient, text, claim.currency, claim.id))
    if verdict.allowed:
        return
    separate_audit.write(claim.id, f"payout.refused:{verdict.reason}")
    _log.info("payout refused by screening", extra={"claim": claim.id})
    raise PayoutRefused(recipient=claim.recipient)


def pay(
    unit: UnitOfWork, started: Round, plans: Plans, aggregate: OrderAggregate, earlier: Iterable[Payment] = ()
) -> ClaimResource:
    """Write the round; returns the view of the claim with all payments. Raises SettlementUnfunded, PolicyDenied."""
    if any(payment.allocation_id not in plans for payment in started.payments):
        raise Contended  # something changed between the plan and the commit: repeat
    unit.write(started.claim, started.order, *started.payments)
    for payment in started.payments:
        try:
            accept_payment.accept(
                unit,
                plans[payment.allocation_id],
                transaction_id=payment.transaction_id,
                claim_id=payment.claim_id,
                allocation_id=payment.allocation_id,
                round=payment.round,
            )
        except PolicyDenied as denied:
            denied.data["wallet_id"] = payment.wallet_id
            raise
    emit_order(unit, "order.updated", aggregate.updated(started.order))
    return emit_claim(unit, "claim.processing", started.claim, [*earlier, *started.payments])


@contextmanager
def denials_audited() -> Iterator[None]:
    """Wrap the commit of a round: audit which wallet's policy denied it."""
    try:
        yield
    except PolicyDenied as denied:
        policy_denials.record(denied.data["wallet_id"], denied)
        raise


def require_unpaid(session: Session, claim: Claim) -> None:
    """Check on chain once more that the claim's newest payments failed, before an operator pays or returns what a
    failed settlement left. Runs outside of any transaction body.

    Raises InvalidState if one of them may still be paid, ChainError if the chain does not answer."""
    payments = session.many(claims.payments_of(claim.id))
    left = [payment for payment in newest(payments).values() if payment.status != "paid"]
    _require_failed(claim.chain, [payment.transaction_id for payment in left])


def _require_failed(chain: str, transaction_ids: Iterable[str]) -> None:
    """Check the payments that are final and unpaid in the database. Raises InvalidState, ChainError."""
    session, view = Session(resources.database().snapshot()), ChainView(resources.chain(chain))
    for one in transaction_ids:
        row, attempts = session.read(TRANSACTIONS.get(one), ATTEMPTS.scan(one))
        if not _still_failed(view, row, attempts):
            raise InvalidState("The chain does not show any more that a payment has failed.", status="failed")


def _still_failed(view: ChainView, row: Transaction, attempts: Sequence[Attempt]) -> bool:
    """Whether the block of the outcome still exists, or another block, proven and final by now, has the same outcome.
    Of what ended without a block of its own (another sender used its nonce), whether no block contains its bytes."""
    if row.mined_block_hash is None:
        return not any(view.receipt(attempt.hash) for attempt in attempts)
    if _is_canonical(view, row.mined_block_number or 0, row.mined_block_hash):
        return True
    view.know(attempt.hash for attempt in attempts)
    for attempt in attempts:
        seen = view.receipt(attempt.hash)
        if seen is None or seen.block_number > view.finalized:
            continue
        proven = view.proven_receipts(seen.block_number)
        if proven is None:
            raise NoQuorum("no quorum about the block of a payment")
        receipt = proven.get(attempt.hash)
        return receipt is not None and (attempt.kind == "noop" or not receipt.success)
    return False


def _is_canonical(view: ChainView, number: int, block: str) -> bool:
    """Whether this block is canonical. Of several endpoints a quorum decides, because one may have stayed on a branch
    that the others have left. Raises NoQuorum."""
    if view.client.pool.needed == 1:
        return view.hash_at(number) == block
    proven = view.proves_hash(number, block)
    if proven is None:
        raise NoQuorum("no quorum about the block of a payment")
    return proven
