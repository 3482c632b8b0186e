"""The outcome of a transaction (T5–T7 and finality): what the chain says about its nonce.

Only receipts of our own hashes decide, and only at the chain's confirmation depth. Until the block is final, the
decision can be reversed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.domain.errors import InvalidState, Refusal
from shared.domain.transactions.evidence import Receipt, paid
from shared.domain.transactions.schedule import next_action_at
from shared.domain.transactions.states import State
from shared.domain.transactions.transactions import Attempt, Transaction


class NotEvidence(Refusal):
    """A receipt or proof does not belong to this transaction, so nothing follows from it."""

    code, status, message = "NOT_EVIDENCE", 409, "The evidence does not belong to this transaction."


@dataclass(frozen=True, slots=True)
class ForeignProof:
    """The mined transaction of (from_address, nonce), found by a quorum at or below the finalized block."""

    from_address: str
    nonce: int
    hash: str
    block_number: int
    finalized_number: int


def mined(
    transaction: Transaction, attempt: Attempt, receipt: Receipt, now: datetime, block_seconds: float
) -> Transaction:
    """T5: a block contains one of our attempts, whichever; unchanged if that is already known.

    Raises NotEvidence, or InvalidState if the transaction has no bytes or is decided."""
    _belongs(transaction, attempt, receipt)
    if transaction.state == "mined" and transaction.mined_block_hash == receipt.block_hash:
        return transaction
    moved = transaction.moved(
        "mined",
        "mined",
        now,
        hash=attempt.hash,
        blocked_reason=None,
        mined_attempt=attempt.k,
        mined_block_number=receipt.block_number,
        mined_block_hash=receipt.block_hash,
        gas_used=receipt.gas_used,
        effective_gas_price=receipt.effective_gas_price,
        contract_address=receipt.contract_address if attempt.kind == "payload" else None,
    )
    return replace(moved, next_action_at=next_action_at(moved, now, block_seconds))


def conclude(
    transaction: Transaction,
    attempt: Attempt,
    receipt: Receipt,
    now: datetime,
    block_seconds: float,
    *,
    reason: str | None = None,
) -> Transaction:
    """T6: the mined block is canonical at the chain's depth; the attempt that it contains decides the outcome.
    `reason` explains a revert to people.

    A token payout without its Transfer log is `reverted` with NO_TRANSFER_EVIDENCE. Raises NotEvidence if the receipt
    is not from the recorded block, InvalidState unless `mined`."""
    _belongs(transaction, attempt, receipt)
    if transaction.state == "mined" and transaction.mined_block_hash != receipt.block_hash:
        raise NotEvidence("The receipt is of another block.")
    target, error = _outcome(transaction, attempt, receipt)
    message = transaction.error_message if error and error == transaction.error else None
    if error == "EXECUTION_REVERTED":
        message = reason
    moved = transaction.moved("final", target, now, error=error, error_message=message)
    return replace(moved, next_action_at=next_action_at(moved, now, block_seconds))


def reorged(transaction: Transaction, latest: Attempt, now: datetime) -> Transaction:
    """T7: the transaction's block is gone. It returns to `submitted`, and the same bytes are sent again at once.

    From a terminal state, the same commit must reverse the ledger entries of its outcome. Raises InvalidState if no
    block contained it or it is finalized."""
    if transaction.finalized or transaction.mined_block_hash is None:
        raise InvalidState(status=transaction.status)
    if latest.transaction_id != transaction.id or latest.k != transaction.attempt_count:
        raise NotEvidence("That is not the latest attempt.")
    undone = transaction.undo_state is not None
    return transaction.moved(
        "reorg",
        "submitted",
        now,
        hash=latest.hash,
        mined_attempt=None,
        mined_block_number=None,
        mined_block_hash=None,
        gas_used=None,
        effective_gas_price=None,
        contract_address=None,
        error=transaction.error if undone else None,
        error_message=transaction.error_message if undone else None,
        next_action_at=now,
    )


def finalize(transaction: Transaction, finalized_number: int, now: datetime) -> Transaction:
    """End the watch: the block, still canonical, is at or below the finalized one. Raises NotEvidence if
    it is above."""
    if transaction.finalized:
        return transaction
    if transaction.mined_block_number is None or transaction.mined_block_number > finalized_number:
        raise NotEvidence("Its block is not finalized.")
    return transaction.moved("finalize", transaction.state, now, finalized=True, next_action_at=None)


def check_foreign(transaction: Transaction, attempts: Sequence[Attempt], proof: ForeignProof) -> None:
    """Raises NotEvidence unless the proof shows a foreign transaction with our nonce in a finalized block.

    A missing receipt proves nothing (pruned or lagging index): only the foreign transaction itself does."""
    complete = len(attempts) == transaction.attempt_count
    ours = {attempt.hash for attempt in attempts}
    if (
        not complete
        or proof.from_address.lower() != transaction.from_address.lower()
        or proof.nonce != transaction.nonce
        or proof.hash in ours
        or proof.block_number > proof.finalized_number
    ):
        raise NotEvidence


def concede(
    transaction: Transaction, attempts: Sequence[Attempt], proof: ForeignProof, now: datetime
) -> Transaction:
    """Reject a transaction after an operator accepts a proven FOREIGN_NONCE; it is final, and its bytes can never be
    mined.

    Only then may the intent be sent again with another nonce. Raises NotEvidence, or InvalidState unless it is blocked
    by FOREIGN_NONCE."""
    check_foreign(transaction, attempts, proof)
    if transaction.blocked_reason != "FOREIGN_NONCE":
        raise InvalidState(status=transaction.status)
    return transaction.moved(
        "concede",
        "rejected",
        now,
        blocked_reason=None,
        error="FOREIGN_NONCE",
        error_message=f"The nonce was used by {proof.hash}, which was not sent from here.",
        finalized=True,
        next_action_at=None,
    )


def _outcome(transaction: Transaction, attempt: Attempt, receipt: Receipt) -> tuple[State, str | None]:
    if attempt.kind == "noop":
        if transaction.kind == "noop":
            return "confirmed", None
        return transaction.undo_state or "cancelled", transaction.error
    if not receipt.success:
        return "reverted", "EXECUTION_REVERTED"
    if transaction.is_payment and not paid(transaction, receipt):
        return "reverted", "NO_TRANSFER_EVIDENCE"
    return "confirmed", None


def _belongs(transaction: Transaction, attempt: Attempt, receipt: Receipt) -> None:
    if attempt.transaction_id != transaction.id or not 1 <= attempt.k <= transaction.attempt_count:
        raise NotEvidence("The attempt belongs to another transaction.")
    if receipt.hash != attempt.hash:
        raise NotEvidence("The receipt belongs to another attempt.")
    if transaction.mined_attempt not in (None, attempt.k) and transaction.terminal:
        raise NotEvidence("Another attempt was mined.")
