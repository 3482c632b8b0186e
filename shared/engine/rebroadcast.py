"""Handle live transactions that are not mined: send the same bytes again, raise the fee at the head of a lane, or sign
a no-op for a cancelled one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from shared.chain.types import Nonces
from shared.domain.transactions import schedule
from shared.domain.transactions.transactions import Attempt, Transaction
from shared.engine import broadcast, cancellation, pending, replacement
from shared.engine.chain_view import ChainView
from shared.engine.pending import Sending

Attempts = Mapping[str, Sequence[Attempt]]
HELD = ("sent", "known", "replacement_underpriced")  # answers of a node that has bytes for the nonce


def process_unmined(view: ChainView, rows: Sequence[Transaction], attempts: Attempts, counts: Nonces) -> None:
    """Send again, bump or undo the unmined transactions of one lane, as far as due; `counts` are its transaction
    counts."""
    late = [row.id for row in rows if schedule.expired(row, view.now)]
    if late:
        cancellation.expire(
            late, view.client.spec.block_seconds
        )  # the next pass finds them with an undo_state
    waiting = sorted((row for row in rows if row.id not in late), key=lambda row: row.nonce or 0)
    pooled = counts.pending > counts.latest
    new = [row for row in waiting if wants_attempt(view, row, attempts[row.id], counts.latest, pooled=pooled)]
    taken: set[str] = set()
    try:
        _in_parts(
            [(row, _latest(attempts[row.id])) for row in new],
            lambda part: taken.update(replacement.replace(view.client, part)),
        )
    finally:  # fees or keys may be unavailable, but nodes may still have lost bytes signed before
        again = [row for row in to_resend(view, waiting, attempts) if row.id not in taken]
        _in_parts(
            [(row, attempts[row.id][-1]) for row in again],
            lambda part: broadcast.send(view.client, [(row, latest) for row, latest in part if latest]),
        )


def _in_parts(wanted: Sequence[Sending], work: Callable[[list[Sending]], None]) -> None:
    """Process `wanted` in parts of the size that a pass may hold. A failed part does not stop the others; the first
    failure is raised at the end."""
    failure: Exception | None = None
    for part in pending.load_full(wanted):
        try:
            work(part)
        except Exception as error:
            failure = failure or error
    if failure is not None:
        raise failure


def wants_attempt(
    view: ChainView, row: Transaction, attempts: Sequence[Attempt], latest_nonce: int, *, pooled: bool = False
) -> bool:
    """Whether a new attempt is due: the first one, the no-op that cancels, one with the higher fee that a node
    required, or a bump at the head of the lane. A bump requires that a node has the last attempt, known from its
    answer or because its pool contains (`pooled`) the next nonce."""
    last = _latest(attempts)
    if last is None:
        return _due_now(view, row)
    if replacement_wanted(row, last):
        return True
    if last.last_result == "underpriced" and row.blocked_reason in (None, "FUNDS_BLOCKED"):
        return _due_now(view, row)  # a node checks the fee before the balance
    if row.blocked_reason is not None:
        return False
    if row.nonce != latest_nonce or not _bump_due(view, last):
        return False
    return last.last_result in HELD or (pooled and last.last_result == "ambiguous")


def replacement_wanted(row: Transaction, last: Attempt) -> bool:
    """Whether a no-op is due because of a cancellation, or a higher fee because a caller requested it."""
    if not row.live or row.blocked_reason == "FOREIGN_NONCE":
        return False
    cancelled = row.undo_state is not None and last.kind == "payload"
    return cancelled or (row.wants_attempt and row.blocked_reason is None)


def _bump_due(view: ChainView, attempt: Attempt) -> bool:
    """Whether three blocks have passed since the attempt was first accepted or was sent again after a loss; no bumps
    while the chain stands still."""
    since = attempt.last_sent_at if attempt.last_result == "sent" else attempt.created_at
    chain_time = min(view.now, datetime.fromtimestamp(view.head.timestamp, UTC))
    return schedule.bump_due(since or attempt.created_at, chain_time, view.client.spec.block_seconds)


def to_resend(view: ChainView, rows: Sequence[Transaction], attempts: Attempts) -> list[Transaction]:
    """The transactions whose bytes are sent again; all of them, in order, if a node misses an earlier nonce."""
    sent = [row for row in rows if attempts[row.id] and row.blocked_reason != "FOREIGN_NONCE"]
    if any(attempts[row.id][-1].last_result == "nonce_too_high" and _due_now(view, row) for row in sent):
        return sent
    funded = _funded(view, sent)
    return [row for row in sent if _due_now(view, row) or (funded and row.blocked_reason == "FUNDS_BLOCKED")]


def _funded(view: ChainView, rows: Sequence[Transaction]) -> bool:
    """Whether the balance covers the first transaction that lacks funds; it is read again because the newest block may
    have changed it."""
    short = next((row for row in rows if row.blocked_reason == "FUNDS_BLOCKED"), None)
    if short is None or _due_now(view, short):
        return False
    balance, _ = view.client.balance(short.from_address, view.head.number)
    return balance >= short.value + short.committed_gas


def _due_now(view: ChainView, row: Transaction) -> bool:
    return row.next_action_at is not None and row.next_action_at <= view.now


def _latest(attempts: Sequence[Attempt]) -> Attempt | None:
    return attempts[-1] if attempts else None
