"""Commit more gas to a transaction that cannot be replaced within its committed gas. The owner or an operator requests
this by cancelling it or speeding it up. The additional amount must be covered like a new send.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared import resources
from shared.chain.balances import Balances
from shared.chain.errors import ChainError
from shared.domain.desk import funds
from shared.domain.errors import Refusal
from shared.domain.transactions import attempts as attempt_rules
from shared.domain.transactions.fees import FeeCapReached
from shared.domain.transactions.transactions import Attempt, Transaction
from shared.funds import balances, bookings
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import policy_enforcement


@dataclass(frozen=True, slots=True)
class MoreGas:
    """The additional wei to commit, and the balances of the address when this was computed."""

    wei: int
    held: Balances


def needed(transaction: Transaction, attempts: Sequence[Attempt], *, undo: bool) -> MoreGas | None:
    """The additional gas that the next attempt needs, or None. Asks the chain only if something is missing.

    Raises FeeCapReached if the chain's own caps forbid the attempt, ChainError. With `undo` it returns None instead,
    so that the request to undo is still accepted."""
    try:
        return _lacking(transaction, attempts, undo=undo)
    except (FeeCapReached, ChainError):
        if undo:
            return None
        raise


def _lacking(transaction: Transaction, attempts: Sequence[Attempt], *, undo: bool) -> MoreGas | None:
    if not attempts or not transaction.live:
        return None
    spec, latest = resources.registry().chain(transaction.chain), attempts[-1]
    blocked = transaction.blocked_reason == "FEE_BLOCKED"
    market = resources.chain(transaction.chain).fee_snapshot().at("fast") if blocked else None
    wei = attempt_rules.gas_missing(transaction, latest, market, spec.caps, noop_gas=spec.noop_gas, undo=undo)
    if not wei:
        return None
    return MoreGas(wei, balances.held_by(resources.chain(transaction.chain), transaction.from_address, None))


def book(unit: UnitOfWork, transaction: Transaction, more: MoreGas | None, *, undo: bool) -> Transaction:
    """The transaction with the additional gas committed, in the commit that requests its next attempt.

    Raises InsufficientGas, FundsCommitted, BalanceUnknown, PolicyDenied. With `undo` it returns the transaction
    unchanged instead, so that the request to undo is still accepted."""
    if more is None or not transaction.live:
        return transaction
    spec = resources.registry().chain(transaction.chain)
    pair = bookings.observed(
        bookings.get(unit, transaction.from_address, transaction.chain, None), more.held, unit
    )
    try:
        booked = funds.start_send(pair, 0, more.wei, spec.settlement_gas_reserve, unit.now)
        noop = undo or transaction.undo_state is not None
        policy_enforcement.book_more_gas(unit, transaction, more.wei, noop=noop)
    except Refusal:
        if undo:
            return transaction
        raise
    bookings.put(unit, booked)
    return replace(transaction, committed_gas=transaction.committed_gas + more.wei)
