"""A lane: the nonces of one address on one chain (T1 allocate, T8 sync).

`next_nonce` only grows. The number in flight is `next_nonce - chain_nonce`: a place becomes free when a transaction is
mined, not when it is final. Several processes may allocate at once: the second to commit finds another `next_nonce`
than it signed for (LaneMoved) and starts again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from shared.domain.errors import Refusal
from shared.domain.transactions.schedule import NONCED_WAIT
from shared.domain.transactions.transactions import Transaction

MAX_BATCH: Final = 32  # transactions that get a nonce in one commit
RESUMABLE: Final = frozenset({"FUNDS_BLOCKED"})  # an error here costs only one more attempt


class LanePaused(Refusal):
    code, status = "LANE_PAUSED", 409
    message = "Sending from this address is paused until an operator resumes it."


class LaneMoved(Refusal):
    """Compare-and-set on next_nonce failed: sign again for other nonces."""

    code, status, message = "LANE_MOVED", 409, "Another process allocated nonces in the meantime."


class WrongLane(Refusal):
    code, status, message = "WRONG_LANE", 409, "The transaction belongs to another address or chain."


@dataclass(frozen=True, slots=True)
class Lane:
    """The lane's row. Nonces are transaction counts as in `eth_getTransactionCount`: the next one to use."""

    id: str  # see `lane_id`
    chain: str
    address: str  # EIP-55
    next_nonce: int  # for the next transaction
    chain_nonce: int  # in the latest block, as last seen; a reorganisation may lower it
    finalized_nonce: int  # in the last finalized block, as a quorum shows it
    paused_reason: str | None
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def in_flight(self) -> int:
        return max(0, self.next_nonce - self.chain_nonce)

    @property
    def overtaken(self) -> bool:
        """Whether the chain has used nonces that were not assigned here: wait until that is final or gone."""
        return self.chain_nonce > self.next_nonce


def lane_id(chain: str, address: str) -> str:
    """`<chain>:<address in lower case>`; only this function and the next two know this format."""
    return f"{chain}:{address.lower()}"


def lane_address(lane_id: str) -> str:
    """The address of a lane, in lower case."""
    return lane_id.partition(":")[2]


def lane_range(chain: str) -> tuple[str, str]:
    """The bounds of the ids of all lanes of a chain."""
    return f"{chain}:", f"{chain}:~"


def open_lane(chain: str, address: str, *, latest: int, pending: int, finalized: int, now: datetime) -> Lane:
    """A lane for an address that was never used here; it starts after everything that the address has already sent."""
    return Lane(
        id=lane_id(chain, address),
        chain=chain,
        address=address,
        next_nonce=max(latest, pending),
        chain_nonce=latest,
        finalized_nonce=finalized,
        paused_reason=None,
        version=1,
        created_at=now,
        updated_at=now,
    )


def room(lane: Lane, max_inflight: int) -> int:
    """The number of nonces that may be assigned now, in one commit or several; 0 while paused or overtaken."""
    if lane.paused_reason or lane.overtaken:
        return 0
    return max(0, max_inflight - lane.in_flight)


def allocate(
    lane: Lane,
    transactions: Sequence[Transaction],
    max_inflight: int,
    now: datetime,
    *,
    expected_next_nonce: int | None = None,
) -> tuple[Lane, tuple[Transaction, ...]]:
    """Assign nonces to the first of `transactions` that fit, in order (T1); those without room are left out.

    `expected_next_nonce` is the nonce that the bytes were signed for, if the same commit stores them. Raises
    LanePaused, LaneMoved, WrongLane, InvalidState (one of them is not `accepted`)."""
    if lane.paused_reason:
        raise LanePaused(reason=lane.paused_reason)
    if expected_next_nonce not in (None, lane.next_nonce):
        raise LaneMoved(next_nonce=lane.next_nonce)
    if any(transaction.lane_id != lane.id for transaction in transactions):
        raise WrongLane
    chosen = transactions[: min(MAX_BATCH, room(lane, max_inflight))]
    given = tuple(
        transaction.moved(
            "allocate",
            "nonced",
            now,
            nonce=lane.next_nonce + offset,
            blocked_reason=None,
            next_action_at=now + NONCED_WAIT,
        )
        for offset, transaction in enumerate(chosen)
    )
    return _advance(lane, now, next_nonce=lane.next_nonce + len(given)), given


def sync(lane: Lane, now: datetime, *, latest: int, finalized: int) -> tuple[Lane, bool]:
    """The lane with the chain's current counts (T8), and whether a foreign sender was found.

    The floor rises only to the finalized nonce: a foreign transaction in the head block can vanish, and a nonce
    skipped for it would never be mined. `next_nonce` never falls."""
    final = max(lane.finalized_nonce, finalized)
    foreign = final > lane.next_nonce
    moved = _advance(
        lane,
        now,
        chain_nonce=max(latest, final),
        finalized_nonce=final,
        next_nonce=max(lane.next_nonce, final),
    )
    return moved, foreign or moved.overtaken


def ours_to_fill(lane: Lane, nonce: int) -> bool:
    """Whether a no-op may use this nonce, which no row has: it was assigned here or before, and is not finally used."""
    return lane.finalized_nonce <= nonce < lane.next_nonce


def pause(lane: Lane, reason: str, now: datetime) -> Lane:
    return _advance(lane, now, paused_reason=reason)


def pause_for_foreign(lane: Lane, now: datetime) -> Lane:
    """Pause the lane because of a foreign sender. This replaces a pause that would end without anybody's decision."""
    if lane.paused_reason is not None and lane.paused_reason not in RESUMABLE:
        return lane
    return pause(lane, "FOREIGN_NONCE", now)


def resume(lane: Lane, now: datetime) -> Lane:
    return _advance(lane, now, paused_reason=None)


def resumed_by_hand(lane: Lane, now: datetime) -> Lane:
    """Resume the lane on an operator's request; a lane that is not paused is unchanged.

    Raises LanePaused for a reason that only evidence removes: a foreign sender, a restored database."""
    if lane.paused_reason is not None and lane.paused_reason not in RESUMABLE:
        raise LanePaused(
            "Only what the chain shows, or the runbook of this reason, lets this address go on.",
            reason=lane.paused_reason,
        )
    return resume(lane, now)


def _advance(lane: Lane, now: datetime, **changes: int | str | None) -> Lane:
    """The next version, or the same object if nothing changes (so that the hot row is not written)."""
    if all(getattr(lane, name) == value for name, value in changes.items()):
        return lane
    return replace(lane, version=lane.version + 1, updated_at=now, **changes)  # type: ignore[arg-type]
