"""When the engine must look at a transaction again (`next_action_at`).

Every transaction that is not finalized has a next time. So the sweeper alone finishes everything, and nothing depends
on a message or a running process.
"""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta
from typing import Final

from shared.domain.transactions.states import UNSENT
from shared.domain.transactions.transactions import Transaction

QUEUED_WAIT: Final = timedelta(hours=1)  # a fallback: its lane is checked all the time
NONCED_WAIT: Final = timedelta(seconds=5)  # a process is signing; after that, another one takes over
SIGNED_WAIT: Final = timedelta(seconds=2)  # bytes are stored and being sent
MIN_WAIT: Final = timedelta(seconds=0.2)
BLOCKED_WAIT: Final = timedelta(seconds=15)
MAX_WAIT: Final = timedelta(seconds=60)
FINALITY_WAIT: Final = timedelta(seconds=300)
BUMP_AFTER_BLOCKS: Final = 3
MIN_BUMP_WAIT: Final = timedelta(seconds=6)  # on chains with blocks under two seconds


def next_action_at(
    transaction: Transaction, now: datetime, block_seconds: float, *, sends: int = 1
) -> datetime | None:
    """The time of the next look: doubling from one block time while unmined, with ± 20 % jitter; None if finalized."""
    if transaction.finalized:
        return None
    if transaction.state in ("held", "accepted"):
        return queued_until(_ends_at(transaction), now)
    if transaction.state == "nonced":
        return now + NONCED_WAIT
    return now + _jitter(
        _wait(transaction, max(timedelta(seconds=block_seconds), MIN_WAIT), sends), transaction
    )


def queued_until(deadline: datetime | None, now: datetime) -> datetime:
    """When to look at a transaction that waits for a nonce: at its deadline, or within QUEUED_WAIT. A long queue must
    not hide due ones."""
    return min(now + QUEUED_WAIT, deadline or now + QUEUED_WAIT)


def _wait(transaction: Transaction, block: timedelta, sends: int) -> timedelta:
    if transaction.terminal:
        return min(8 * block, FINALITY_WAIT)
    if transaction.state == "mined":
        return block
    if transaction.blocked_reason:
        return max(BLOCKED_WAIT, block)
    return min(block * (1 << min(sends - 1, 6)), MAX_WAIT)


def bump_due(last_attempt_at: datetime, now: datetime, block_seconds: float) -> bool:
    """Whether the latest attempt has had its time: three blocks, at least six seconds."""
    wait = max(timedelta(seconds=BUMP_AFTER_BLOCKS * block_seconds), MIN_BUMP_WAIT)
    return now - last_attempt_at >= wait


def expired(transaction: Transaction, now: datetime) -> bool:
    """Whether its deadline, or the time to approve it, has passed and it can still be undone."""
    ends_at = _ends_at(transaction)
    due = ends_at is not None and ends_at <= now
    open_end = transaction.live or transaction.state in UNSENT
    return due and open_end and transaction.undo_state is None


def _ends_at(transaction: Transaction) -> datetime | None:
    ends = [transaction.deadline, transaction.approval_until if transaction.state == "held" else None]
    return min((end for end in ends if end is not None), default=None)


def _jitter(wait: timedelta, transaction: Transaction) -> timedelta:
    """The wait, varied by id and version, so that a re-run of a transaction body computes the same time."""
    share = zlib.crc32(f"{transaction.id}:{transaction.version}".encode()) % 401
    return wait * ((800 + share) / 1000)
