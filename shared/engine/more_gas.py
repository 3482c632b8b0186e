"""More gas for a transaction that cannot be replaced within what was committed for it: an owner or operator asks for
that by cancelling it or speeding it up. What is booked more has to be covered like a new send."""

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
    """Wei to be committed beyond what is, and what the address held when that was found out."""

    wei: int
    held: Balances


def needed(transaction: Transaction, attempts: Sequence[Attempt], *, undo: bool) -> MoreGas | None:
    """What its next attempt lacks; None when nothing. Asks the chain only where something does.

    Raises FeeCapReached where the chain's own caps are in the way, ChainError; the wish to undo it is taken all the
    same."""
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
    """The transaction with so much more committed, in the commit that asks for its next attempt.

    Raises InsufficientGas, FundsCommitted, BalanceUnknown, PolicyDenied; the wish to undo it is taken all the same."""
    if more is None or not transaction.live:
        return transaction
    spec = resources.registry().chain(transaction.chain)
    pair = bookings.observed(
        bookings.get(unit, transaction.from_address, transaction.chain, None), more.held, unit
    )
    try:
        booked = funds.start_send(pair, 0, more.wei, spec.settlement_gas_reserve, unit.now)
        policy_enforcement.book_more_gas(unit, transaction, more.wei)
    except Refusal:
        if undo:
            return transaction
        raise
    bookings.put(unit, booked)
    return replace(transaction, committed_gas=transaction.committed_gas + more.wei)
