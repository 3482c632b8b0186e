"""Record claims as paid that were paid by transactions which a restored database has forgotten.

A restored database knows less than the chain. A payment made since the backup is found by its hash, proven by a quorum
in a finalized block, compared with what the claim requires, and bound to the claim's payment in one commit. Nothing is
sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from shared.chain import evidence
from shared.chain.client import ChainClient
from shared.chain.errors import NoQuorum
from shared.desk import orders as desk_orders
from shared.desk.events import emit_claim, emit_order
from shared.desk.orders import OrderAggregate
from shared.domain.desk import funds, settlement
from shared.domain.desk.claims import Claim
from shared.domain.desk.settlement import Payment
from shared.domain.desk.supplies import Supply
from shared.domain.errors import InvalidState
from shared.domain.transactions import acceptance, attempts, forgotten
from shared.domain.transactions.acceptance import PaymentOf
from shared.domain.transactions.forgotten import Found
from shared.domain.transactions.outcome import NotEvidence
from shared.domain.transactions.transactions import SETTLEMENT_TENANT, Transaction
from shared.engine import intents
from shared.engine.batch import Batch
from shared.engine.chain_view import ChainView
from shared.engine.intents import Sender
from shared.funds import bookings
from shared.store.tables import claims, supplies
from shared.store.tables.transactions import ATTEMPTS_BY_HASH, TRANSACTIONS, nonces
from shared.store.unit_of_work import UnitOfWork

SKEW = timedelta(minutes=1)  # by which a block's time (its slot's, in whole seconds) may precede ours
NOT_FOUND = "NOT_ON_CHAIN"  # error of a payment for which no transaction was found


def prove(client: ChainClient, tx_hash: str) -> Found:
    """A transaction as a quorum shows it. Raises NotEvidence, NoQuorum (not yet: ask again), ChainError."""
    view, wanted = ChainView(client), tx_hash.lower()
    seen = client.transaction(wanted)
    if seen is None or seen.block_number is None:
        raise NotEvidence("No node shows this transaction in a block.")
    number, head = seen.block_number, view.head.number
    if number > view.finalized:
        raise NotEvidence("Its block is not final yet; ask again later.")
    sent = evidence.sent_in_block(client, seen.from_address, seen.nonce, number, head)
    if sent is None or sent.hash.lower() != wanted:
        raise NotEvidence("The chain's block does not hold this transaction.")
    receipts = evidence.receipts_of_block(client, number, head, {wanted})
    block = client.block(number)
    if not receipts or block is None or block.hash != receipts[0].block_hash:
        raise NoQuorum("the block has just changed")
    mined_at = datetime.fromtimestamp(block.timestamp, UTC)
    return Found(
        client.spec.name,
        sent.from_address,
        sent.nonce,
        sent.to,
        sent.value,
        receipts[0],
        mined_at,
        view.finalized,
    )


def settle(unit: UnitOfWork, claim_id: str, found: Sequence[Found], block_seconds: float) -> Claim:
    """Transaction body: record that each of these transactions has paid one allocation of the claim. If the claim is
    `claimed` or `failed`, a new round is written first, and its other payments end unpaid. If it is processing, its
    other payments continue.

    Raises NotFound, NotEvidence, InvalidState."""
    claim, payments = unit.read(claims.by_id(claim_id), claims.payments_of(claim_id))
    aggregate = desk_orders.read(unit, claim.order_id)
    begun = claim.status != "processing"
    if begun:
        payments = _record_round(unit, claim, payments, aggregate)
    latest = settlement.newest(payments).values()
    batch = Batch.read(unit, [payment.transaction_id for payment in latest if not payment.terminal])
    left = dict(batch.rows)
    for one in found:
        row = _paid_by(one, left, aggregate.order.created_at - SKEW)
        del left[row.id]
        after, attempt = forgotten.recorded(row, one, _nonce(unit, row, one), unit.now, block_seconds)
        batch.change(unit, after, attempt, head=one.finalized)
    for row in left.values() if begun else ():
        message = "No transaction that paid it was found on chain."
        undone = attempts.undo(row, "cancelled", unit.now, error=NOT_FOUND, message=message)
        batch.change(unit, undone)
    after_all = unit.one(claims.by_id(claim_id))
    unit.audit(
        claim_id,
        before={"status": claim.status},
        after={"status": after_all.status, "paid_by": [one.hash for one in found]},
    )
    return after_all


def _record_round(
    unit: UnitOfWork, claim: Claim, payments: Sequence[Payment], aggregate: OrderAggregate
) -> list[Payment]:
    """Write the forgotten round: for each payment a transaction that waits for a nonce. Returns all payments of
    the claim."""
    started = settlement.paid_before(
        aggregate.order, claim, payments, aggregate.allocations, new_id=unit.new_id, now=unit.now
    )
    unit.write(started.claim, started.order, *started.payments)
    stock = {
        supply.id: supply for supply in unit.many(supplies.by_ids([p.supply_id for p in started.payments]))
    }
    for payment in started.payments:
        _accept(unit, claim, payment, stock[payment.supply_id])
    emit_order(unit, "order.updated", aggregate.updated(started.order))
    every = [*payments, *started.payments]
    emit_claim(unit, "claim.processing", started.claim, every)
    return every


def _accept(unit: UnitOfWork, claim: Claim, payment: Payment, supply: Supply) -> None:
    """Insert the payment's transaction. Its amount is in flight until the same commit ends it; its gas is already
    paid."""
    sender = Sender.of_supply(supply)
    if claim.token_address is None:
        intent = intents.build(sender, claim.recipient, value=payment.amount)
    else:
        intent = intents.build(sender, claim.recipient, token=(claim.token_address, payment.amount))
    pair = bookings.get(unit, supply.address, supply.chain, supply.token_address)
    bookings.put(unit, funds.resume_payment(pair, payment.amount, 0, unit.now))
    of = PaymentOf(payment.claim_id, payment.allocation_id, payment.round)
    unit.write(
        acceptance.accept(
            intent,
            payment.transaction_id,
            SETTLEMENT_TENANT,
            of.idem_key,
            unit.now,
            committed_value=intent.value,
            committed_gas=0,
            payment=of,
        )
    )


def _paid_by(found: Found, rows: Mapping[str, Transaction], since: datetime) -> Transaction:
    """The row of the payment that this transaction has paid. Raises NotEvidence, with the exact reason if only one row
    is left."""
    refusals = []
    for row in rows.values():
        try:
            forgotten.check(found, row, since)
        except NotEvidence as refused:
            refusals.append(refused)
        else:
            return row
    if len(refusals) == 1:
        raise refusals[0]
    raise NotEvidence(f"{found.hash} pays no allocation of this claim that is left.")


def _nonce(unit: UnitOfWork, row: Transaction, found: Found) -> int | None:
    """The nonce for the row; None if another row has this nonce and was given up because a foreign transaction used
    it.

    Raises InvalidState if the transaction, or its nonce, is already known as something else."""
    known, entries = unit.read(
        ATTEMPTS_BY_HASH.scan(found.hash), nonces(row.lane_id, found.nonce, found.nonce + 1)
    )
    if known:
        raise InvalidState("This transaction is known, and has paid something else.", status=row.status)
    holders = unit.follow(TRANSACTIONS, entries)
    if not holders:
        return found.nonce
    if holders[0].finalized and holders[0].error == "FOREIGN_NONCE":
        return None
    raise InvalidState(
        f"Its nonce belongs to {holders[0].id} here: the engine finds out what became of that.",
        status=holders[0].status,
    )
