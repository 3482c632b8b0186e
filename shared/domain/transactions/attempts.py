"""Attempts (T2–T4): signed bytes for a nonce, the nodes' answers to them, replacements and undoing.

Bytes are sent to a node only after their Attempt is committed (I1). Only finality proves that a transaction was not
sent: an error from a node is a reason to check or to send the same bytes again, never to use another nonce.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from shared.domain.errors import InvalidState, Refusal
from shared.domain.transactions.fees import FeeCaps, Fees, at_most, replacement, replaces
from shared.domain.transactions.schedule import SIGNED_WAIT, next_action_at
from shared.domain.transactions.states import UNSENT
from shared.domain.transactions.transactions import (
    Attempt,
    AttemptConflict,
    AttemptKind,
    BlockedReason,
    SettlementTransaction,
    Transaction,
    UndoState,
)

SendOutcome = Literal[
    "sent",
    "known",  # already in this node's pool
    "ambiguous",  # time-out, 5xx, 429, lost connection, unknown text: the node may have accepted it
    "nonce_too_low",
    "nonce_too_high",
    "replacement_underpriced",
    "underpriced",
    "insufficient_funds",
    "unsendable",  # intrinsic gas, size, gas limit, type: no node will ever accept these bytes
]
Step = Literal["wait", "check_receipts", "inspect_nonce", "bump", "rebroadcast_lane", "pause_lane", "undo"]

STEPS: Final[dict[SendOutcome, Step]] = {
    "sent": "wait",
    "known": "wait",
    "ambiguous": "wait",
    "nonce_too_low": "check_receipts",
    "nonce_too_high": "rebroadcast_lane",
    "replacement_underpriced": "inspect_nonce",
    "underpriced": "bump",
    "insufficient_funds": "pause_lane",
    "unsendable": "undo",
}
SUBMITS: Final[frozenset[SendOutcome]] = frozenset({"sent", "known", "ambiguous"})


class ReplacementTooCheap(Refusal):
    code, status, message = "REPLACEMENT_TOO_CHEAP", 409, "A replacement must offer at least 12.5 % more."


@dataclass(frozen=True, slots=True)
class Plan:
    """What to sign for a transaction's nonce: its payload, or a no-op to the sender itself; gas in units."""

    kind: AttemptKind
    gas: int
    fees: Fees


def plan(
    transaction: Transaction, latest: Attempt | None, market: Fees, caps: FeeCaps, *, noop_gas: int
) -> Plan:
    """Plan the next attempt, of the same kind as the latest one unless undoing was requested.

    The first attempt uses the sender's fees or the market's, reduced to the caps; later ones bump the latest. Raises
    FeeCapReached if the caps do not allow it."""
    wants_noop = transaction.kind == "noop" or transaction.undo_state is not None
    kind: AttemptKind = "noop" if wants_noop or (latest and latest.kind == "noop") else "payload"
    gas = noop_gas if kind == "noop" else transaction.gas
    caps = transaction.held(caps, kind, gas)
    if latest is not None:
        return Plan(kind, gas, replacement(latest.fees, market, caps))
    return Plan(kind, gas, at_most(transaction.chosen_fees or market, caps))


def persist(
    transaction: Transaction,
    planned: Plan,
    latest: Attempt | None,
    now: datetime,
    *,
    raw: bytes,
    tx_hash: str,
    expected_attempts: int,
) -> tuple[Transaction, Attempt]:
    """The attempt to insert and the next version of the transaction (T2, T4), by compare-and-set on attempt_count.

    Raises AttemptConflict (use the stored attempt and drop this signature), ReplacementTooCheap (I4), InvalidState (no
    nonce, or a payload where only a no-op may follow)."""
    count = transaction.attempt_count
    if count != expected_attempts or (latest.k if latest else 0) != count:
        raise AttemptConflict(attempt_count=count)
    if latest is not None and not replaces(latest.fees, planned.fees):
        raise ReplacementTooCheap
    undoing = transaction.kind == "noop" or transaction.undo_state or (latest and latest.kind == "noop")
    if transaction.nonce is None or (undoing and planned.kind == "payload"):
        raise InvalidState("Only a no-op may be signed for this nonce.", status=transaction.status)
    attempt = _unsent(transaction, planned, now, raw=raw, tx_hash=tx_hash)
    target = "submitted" if transaction.state == "nonced" else transaction.state
    blocked = None if transaction.blocked_reason == "FEE_BLOCKED" else transaction.blocked_reason
    return (
        transaction.moved(
            "attempt",
            target,
            now,
            attempt_count=attempt.k,
            hash=tx_hash,
            blocked_reason=blocked,
            next_action_at=now + SIGNED_WAIT,
        ),
        attempt,
    )


def _unsent(transaction: Transaction, planned: Plan, now: datetime, *, raw: bytes, tx_hash: str) -> Attempt:
    """The transaction's next attempt, signed as planned and not sent yet."""
    return Attempt(
        transaction_id=transaction.id,
        k=transaction.attempt_count + 1,
        kind=planned.kind,
        raw=raw,
        hash=tx_hash,
        max_fee_per_gas=planned.fees.max_fee_per_gas,
        max_priority_fee_per_gas=planned.fees.max_priority_fee_per_gas,
        gas_price=planned.fees.gas_price,
        gas=planned.gas,
        send_count=0,
        first_sent_at=None,
        last_sent_at=None,
        last_result=None,
        created_at=now,
    )


def record_send(
    transaction: Transaction, attempt: Attempt, outcome: SendOutcome, now: datetime, block_seconds: float
) -> tuple[Transaction, Attempt, Step]:
    """Record the outcome of a broadcast (T3) and decide the next step.

    A late answer, for a transaction that is no longer live, only updates the attempt. An answer to an older attempt
    never requests a step."""
    sends = attempt.send_count + 1
    attempt = replace(
        attempt,
        send_count=sends,
        first_sent_at=attempt.first_sent_at or now,
        last_sent_at=now,
        last_result=outcome,
    )
    if not transaction.live:
        return transaction, attempt, "wait"
    step: Step = STEPS[outcome] if attempt.k == transaction.attempt_count else "wait"
    target = "submitted" if outcome in SUBMITS else transaction.state
    blocked = _blocked_after(transaction, outcome, step)
    said = outcome if attempt.k == transaction.attempt_count else None
    transaction = transaction.moved("sent", target, now, blocked_reason=blocked, answer=said)
    if step == "undo" and attempt.kind == "payload":
        transaction = undo(transaction, "rejected", now, error="REJECTED_BY_NODE")
    due = now if step in ("bump", "undo") else next_action_at(transaction, now, block_seconds, sends=sends)
    return replace(transaction, next_action_at=due), attempt, step


def undo(
    transaction: Transaction,
    to: UndoState,
    now: datetime,
    *,
    error: str | None = None,
    message: str | None = None,
) -> Transaction:
    """End the transaction: at once while it has no nonce. Otherwise a no-op is requested, and whichever attempt is
    mined decides.

    The first request stays in effect; another one changes nothing. Raises InvalidState if it is mined, terminal or a
    no-op."""
    if transaction.kind == "noop":
        raise InvalidState(
            "The transaction only fills a nonce of its address, so there is nothing to cancel.",
            status=transaction.status,
        )
    if transaction.undo_state is not None and not transaction.terminal:
        return transaction
    if to == "expired":
        error = error or ("APPROVAL_EXPIRED" if transaction.state == "held" else "DEADLINE_PASSED")
    said: dict[str, Any] = {
        "cancel_requested": transaction.cancel_requested or to == "cancelled",
        "error": error,
        "error_message": message,
    }
    if transaction.nonce is None:
        return transaction.moved(
            "undo", to, now, blocked_reason=None, finalized=True, next_action_at=None, **said
        )
    return transaction.moved("undo", transaction.state, now, undo_state=to, next_action_at=now, **said)


def hasten(transaction: Transaction, latest: Attempt | None, caps: FeeCaps, now: datetime) -> Transaction:
    """Raise the fees to the current fast ones; if signed bytes exist, by requesting one further attempt on the same
    nonce.

    Raises InvalidState if it is mined, has ended or has lost its nonce, FeeCapReached if the caps or the committed gas
    leave no room."""
    if transaction.blocked_reason == "FOREIGN_NONCE":
        raise InvalidState(
            "Another sender has used the transaction's nonce, so no fee speeds it up: it can only be cancelled.",
            status=transaction.status,
        )
    if latest is not None and transaction.live:
        replacement(latest.fees, None, transaction.held(caps, latest.kind, latest.gas))
    wanted = transaction.attempt_count + 1 if transaction.live else None
    if transaction.speed == "fast" and transaction.attempts_wanted == wanted:
        return transaction
    due = now if transaction.live else transaction.next_action_at
    freed = None if transaction.blocked_reason == "FEE_BLOCKED" else transaction.blocked_reason
    changes = {"speed": "fast", "attempts_wanted": wanted, "next_action_at": due, "blocked_reason": freed}
    return transaction.moved("hasten", transaction.state, now, **changes)


def gas_missing(
    transaction: Transaction,
    latest: Attempt,
    market: Fees | None,
    caps: FeeCaps,
    *,
    noop_gas: int,
    undo: bool,
) -> int:
    """The additional wei to commit so that the next attempt can be made; 0 for the engine's own no-ops.

    `undo`: the attempt is the no-op that ends it. Raises FeeCapReached if the chain's caps forbid it, whatever is
    committed."""
    if not transaction.committed_gas:
        return 0
    noop = undo or transaction.undo_state is not None or latest.kind == "noop"
    freed = transaction.committed_value if noop and not transaction.is_payment else 0
    gas = min(noop_gas, transaction.gas) if noop else transaction.gas
    wanted = replacement(latest.fees, market, caps).per_gas
    return max(0, gas * wanted - transaction.committed_gas - freed)


def check_replaceable(transaction: Transaction, *, by_operator: bool) -> None:
    """Check that a caller may cancel or speed it up. Raises SettlementTransaction for users, InvalidState if it has
    ended."""
    if transaction.is_payment and not by_operator:
        raise SettlementTransaction(claim_id=transaction.claim_id)
    if not transaction.live and transaction.state not in UNSENT:
        now = "it has ended; send another transaction."
        if not transaction.terminal:
            now = "a block contains it; wait for its outcome."
        raise InvalidState(
            f"The transaction is {transaction.status}, so it can be neither cancelled nor sped up: {now}",
            status=transaction.status,
        )


def block(
    transaction: Transaction, reason: BlockedReason | None, now: datetime, block_seconds: float
) -> Transaction:
    """Mark the transaction as blocked (it keeps its nonce and is sent again and again), or unblock it if `reason` is
    None."""
    if transaction.blocked_reason == reason:
        return transaction
    moved = transaction.moved("block", transaction.state, now, blocked_reason=reason)
    due = next_action_at(moved, now, block_seconds) if reason else now
    return replace(moved, next_action_at=due)


def _blocked_after(transaction: Transaction, outcome: SendOutcome, step: Step) -> BlockedReason | None:
    if step == "pause_lane":
        return "FUNDS_BLOCKED"
    if outcome in ("sent", "known") and transaction.blocked_reason == "FUNDS_BLOCKED":
        return None
    return transaction.blocked_reason
