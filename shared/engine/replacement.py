"""Replace an attempt on the same nonce (T4), by a fee bump or by the no-op that undoes it: sign outside, store, then
send.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from shared import resources
from shared.chain.client import ChainClient
from shared.domain.errors import InvalidState
from shared.domain.transactions import attempts as attempt_rules
from shared.domain.transactions.attempts import Plan, ReplacementTooCheap
from shared.domain.transactions.fees import FeeCapReached
from shared.domain.transactions.transactions import Attempt, AttemptConflict, Transaction
from shared.domain.wallets.policies import PolicyDenied
from shared.engine import broadcast, cancellation
from shared.engine.batch import Batch
from shared.engine.signer import Keys, Signed
from shared.keys.errors import KeyFault
from shared.store.session import Session
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

_log = logging.getLogger(__name__)
Wanted = tuple[Transaction, Attempt | None]  # with its latest attempt


@dataclass(frozen=True, slots=True)
class Next:
    """The next attempt of a transaction that had `attempts` of them; `signed` is None if the caps do not allow one."""

    transaction_id: str
    attempts: int
    planned: Plan | None = None
    signed: Signed | None = None


def replace(client: ChainClient, wanted: Sequence[Wanted]) -> set[str]:
    """Store and send the next attempts of transactions of one lane; FEE_BLOCKED if the caps forbid one.

    Returns the ids of the transactions that got one."""
    following = signed(client, wanted)
    stored = commit(_store, following, client.spec.block_seconds) if following else []
    broadcast.send(client, stored)
    return {transaction.id for transaction, _ in stored}


def signed(client: ChainClient, wanted: Sequence[Wanted]) -> list[Next]:
    """Sign the next attempts; transactions whose key cannot be used are logged and left out."""
    session = Session(resources.database().snapshot())
    spec, market = client.spec, client.fee_snapshot()
    keys = Keys(session, (transaction.wallet_id for transaction, _ in wanted))
    following: list[Next] = []
    denied: dict[str, PolicyDenied] = {}
    for transaction, latest in wanted:
        count, nonce = transaction.attempt_count, transaction.nonce
        assert nonce is not None
        offered = market.at(transaction.speed)
        try:
            planned = attempt_rules.plan(transaction, latest, offered, spec.caps, noop_gas=spec.noop_gas)
            following.append(
                Next(transaction.id, count, planned, keys.sign(spec, transaction, planned, nonce))
            )
        except FeeCapReached:
            following.append(Next(transaction.id, count))
        except PolicyDenied as refusal:
            denied[transaction.id] = refusal
        except KeyFault as fault:
            fields = {"transaction": transaction.id, "problem": type(fault).__name__}
            _log.error("cannot sign for a nonce", extra=fields)
    if denied:
        cancellation.reject(denied)  # the next pass signs a no-op for the nonce
    return following


def _store(
    unit: UnitOfWork, following: Sequence[Next], block_seconds: float
) -> list[tuple[Transaction, Attempt]]:
    batch = Batch.read(unit, (one.transaction_id for one in following))
    stored = (store(unit, batch, one, block_seconds) for one in following)
    return [pair for pair in stored if pair is not None]


def store(
    unit: UnitOfWork, batch: Batch, one: Next, block_seconds: float
) -> tuple[Transaction, Attempt] | None:
    """Store one attempt, or the blocked state if there can be none; None if another handler was faster."""
    transaction = batch.rows.get(one.transaction_id)
    if transaction is None:
        return None
    latest = batch.attempts[transaction.id][-1] if batch.attempts[transaction.id] else None
    if one.planned is None or one.signed is None:
        if transaction.live and transaction.attempt_count == one.attempts:
            batch.change(unit, attempt_rules.block(transaction, "FEE_BLOCKED", unit.now, block_seconds))
        return None
    try:
        after, attempt = attempt_rules.persist(
            transaction,
            one.planned,
            latest,
            unit.now,
            raw=one.signed.raw,
            tx_hash=one.signed.hash,
            expected_attempts=one.attempts,
        )
    except (AttemptConflict, InvalidState, ReplacementTooCheap):
        return None
    batch.change(unit, after, attempt)
    return after, attempt
