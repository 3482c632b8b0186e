"""Read the transactions that a caller may see, with confirmations counted from the chain's head, and those that the
caller may replace."""

from __future__ import annotations

import time
from collections.abc import Sequence

from schemas.transactions import Transaction as TransactionView
from shared import resources
from shared.chain.errors import ChainError
from shared.domain.errors import NotFound
from shared.domain.permissions import Caller
from shared.domain.transactions import approvals
from shared.domain.transactions.attempts import check_replaceable
from shared.domain.transactions.evidence import Log
from shared.domain.transactions.transactions import Attempt, Transaction
from shared.engine.process_hints import hints
from shared.runtime.errors import Forbidden
from shared.store.session import Session
from shared.store.tables.policies import POLICIES
from shared.store.tables.transactions import ATTEMPTS, RECEIPTS, TRANSACTIONS

OPERATOR = "admin:replace"  # may replace or cancel all transactions, including payments
OWNER = "transaction:send"  # may replace or cancel their own; services may do so for them


def read(session: Session, caller: Caller, transaction_id: str) -> tuple[Transaction, list[Attempt]]:
    """A transaction that the caller may see or has to approve, with its attempts. Raises NotFound."""
    transaction, attempts = session.read(TRANSACTIONS.get(transaction_id), ATTEMPTS.scan(transaction_id))
    if not caller.sees(transaction.user_id) and not _approves(session, caller, transaction):
        raise NotFound
    return transaction, attempts


def _approves(session: Session, caller: Caller, transaction: Transaction) -> bool:
    """Whether the policy names the caller as an approver of a transaction that waits or waited for approval."""
    if transaction.approval_until is None:
        return False
    stored = session.maybe(POLICIES.find(transaction.wallet_id))
    policy = stored.at(resources.clock().now()) if stored is not None else None
    return approvals.may_approve(policy, caller.user_id, administrator=False)


def replaceable(session: Session, caller: Caller, transaction_id: str) -> tuple[Transaction, list[Attempt]]:
    """A transaction that is not mined, with its attempts.

    Raises NotFound, Forbidden, SettlementTransaction (a payment, for its owner), InvalidState (mined or ended)."""
    transaction, attempts = session.read(TRANSACTIONS.get(transaction_id), ATTEMPTS.scan(transaction_id))
    operator = caller.may(OPERATOR)
    if not operator:
        if not caller.acts_for(transaction.user_id):
            raise NotFound
        if not caller.may(OWNER):
            raise Forbidden.lacks(OWNER)
    check_replaceable(transaction, by_operator=operator)
    return transaction, attempts


def view(transaction: Transaction, attempts: Sequence[Attempt]) -> TransactionView:
    """The transaction as its owner sees it now."""
    spec = resources.registry().chain(transaction.chain)
    head = newest(transaction.chain) if transaction.mined_block_number is not None else None
    return TransactionView.of(transaction, attempts, spec.chain_id, head)


def views(session: Session, transactions: Sequence[Transaction]) -> list[TransactionView]:
    """The views of several transactions; reads all attempts at once."""
    if not transactions:
        return []
    by_id: dict[str, list[Attempt]] = {one.id: [] for one in transactions}
    for attempt in session.many(ATTEMPTS.below([(one.id,) for one in transactions])):
        by_id[attempt.transaction_id].append(attempt)
    return [view(one, by_id[one.id]) for one in transactions]


def outcome(session: Session, transaction: Transaction) -> tuple[bool, Sequence[Log], int]:
    """Success, logs and number of omitted logs of a mined transaction; from the database once it has ended, from the
    chain until then. Raises NotFound."""
    if transaction.terminal:
        stored = session.maybe(RECEIPTS.find(transaction.id))
        if stored is not None:
            logs = [
                Log(log["address"], tuple(log["topics"]), log["data"], log["index"]) for log in stored.logs
            ]
            return stored.success, logs, stored.logs_omitted or 0
    receipt = resources.chain(transaction.chain).receipt(transaction.hash or "")
    if receipt is None:
        raise NotFound("No block holds the transaction at the moment.")
    return receipt.success, receipt.logs, 0


def newest(chain: str) -> int | None:
    """The chain's newest height, at most one block time old; None if no node answers."""
    heads = hints().heads
    seen = heads.get(chain)
    try:
        client = resources.chain(chain)
        if seen is None or time.monotonic() - seen[0] > client.spec.block_seconds:
            seen = heads[chain] = (time.monotonic(), client.block_number())
    except ChainError:
        return None
    return seen[1]
