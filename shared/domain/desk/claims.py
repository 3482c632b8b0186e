"""A claim: one claimer's hold on an order, with a lease and an epoch.

    claimed → processing → processed | failed;  claimed → released | expired | rejected;  failed → processing

The lease is enforced immediately: from `lease_until` on the claim counts as lapsed, even before a timer has updated
its row. The order stores the id and the epoch of its claim; a claimer with another epoch is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from shared.domain.desk import orders
from shared.domain.desk.orders import Order
from shared.domain.desk.states import ClaimStatus, SettlementStatus, check
from shared.domain.errors import InvalidState, InvalidValue, Refusal
from shared.domain.wallets.wallets import Wallet

LEASE: Final = timedelta(minutes=15)
MAX_LEASE: Final = timedelta(hours=2)  # in total, with all extensions by heartbeats
MAX_LIVE: Final = 20  # claims of one user that hold an order at the same time
LIVE: Final = frozenset({"claimed", "processing"})


class OwnOrder(Refusal):
    code, status, message = "OWN_ORDER", 403, "A user cannot claim their own order."


class OrderAlreadyClaimed(Refusal):
    code, status, message = "ORDER_ALREADY_CLAIMED", 409, "Somebody else has claimed the order."


class ClaimExists(Refusal):
    """`data.claim_id` is the caller's own claim."""

    code, status, message = (
        "CLAIM_EXISTS",
        409,
        "The claimer has already claimed the order with another wallet.",
    )


class OrderExpired(Refusal):
    code, status, message = "ORDER_EXPIRED", 409, "The order has expired."


class ClaimLimit(Refusal):
    """`data.limit` is the largest number of live claims of one user."""

    code, status = "CLAIM_LIMIT", 409
    message = "The claimer has too many open claims: release one, or wait until one is processed."


class LeaseLost(Refusal):
    """`data.status` is the claim's state."""

    code, status, message = "LEASE_LOST", 409, "The claim's lease is over: claim the order again."


@dataclass(frozen=True, slots=True)
class Claim:
    """The row of a claim; amounts in base units. Fields of the order and the wallet are copied from them once."""

    id: str  # clm_…
    order_id: str
    order_user_id: str  # the order's owner
    user_id: str  # the claimer
    wallet_id: str
    recipient: str  # address of that wallet, EIP-55
    chain: str
    currency: str
    token_address: str | None
    decimals: int
    amount: int
    status: ClaimStatus
    reason: str | None
    epoch: int
    lease_until: datetime | None  # None from `processing` on
    claimed_at: datetime
    processed_at: datetime | None
    settlement_status: SettlementStatus
    settlement_round: int  # the newest round of payments; 0 = none
    version: int
    created_at: datetime
    updated_at: datetime

    def lapsed(self, now: datetime) -> bool:
        """Whether the lease has run out, even if the row does not say so yet."""
        return self.status == "claimed" and self.lease_until is not None and self.lease_until <= now

    def status_at(self, now: datetime) -> ClaimStatus:
        """The status at `now`, even if the row does not say so yet."""
        return "expired" if self.lapsed(now) else self.status

    def live(self, now: datetime) -> bool:
        """Whether the claim holds its order at `now`."""
        return self.status in LIVE and not self.lapsed(now)


class Claimed(NamedTuple):
    """The result of claiming an order; write all of its rows, or nothing if it is `replayed`."""

    order: Order
    claim: Claim
    lapsed: Claim | None = None  # the claim whose lease had run out
    replayed: bool = False


class Ended(NamedTuple):
    """A claim that ended unpaid, and its order: open again, or expired. The caller then releases its reservations."""

    order: Order
    claim: Claim


def refuse_early(order: Order, user_id: str, now: datetime) -> None:
    """Refuse a claim by the order alone, before anything else is read, so that the losers of a race cost little.

    Raises OwnOrder, OrderAlreadyClaimed, OrderExpired, InvalidState like `claim`."""
    if order.user_id == user_id:
        raise OwnOrder
    if order.claim_id is not None:
        if not must_read_holder(order, user_id, now):
            raise OrderAlreadyClaimed
    else:
        _require_open(order, now)


def must_read_holder(order: Order, user_id: str, now: datetime) -> bool:
    """Whether `claim` needs the order's live claim: only if it is the same user's, or if its lease may be over."""
    over = order.lease_until is not None and order.lease_until <= now
    return order.claim_id is not None and (order.claimer_id == user_id or over)


def claim(
    order: Order,
    holder: Claim | None,
    wallet: Wallet,
    leases: Iterable[datetime],
    *,
    claim_id: str,
    now: datetime,
    lease: timedelta = LEASE,
) -> Claimed:
    """Claim an order for the wallet's owner; exactly one live claim exists at any time.

    `holder` is the order's live claim if `must_read_holder` requires it. `leases` are the `lease_until` of all claims
    that the caller holds. If the caller's claim with the same wallet holds the order already, that claim is returned
    as `replayed`. Raises OwnOrder, OrderAlreadyClaimed, ClaimExists, OrderExpired, ClaimLimit, InvalidState (the order
    is cancelled), InvalidValue (the wallet is on another chain or not active).
    """
    if order.user_id == wallet.user_id:
        raise OwnOrder
    if wallet.chain != order.chain or wallet.status != "active":
        raise InvalidValue("wallet_id", f"must be an active wallet on {order.chain}")
    lapsed = None
    if order.claim_id is not None:
        if holder is None or holder.id != order.claim_id or not holder.lapsed(now):
            return _replay(order, holder, wallet)
        order, lapsed = lapse(order, holder, now)
    _require_open(order, now)
    if sum(until > now for until in leases) >= MAX_LIVE:
        raise ClaimLimit(limit=MAX_LIVE)
    new = _new_claim(order, wallet, claim_id, now, lease)
    claimed = orders.advance(
        order,
        now,
        status="claimed",
        claim_id=new.id,
        claimer_id=new.user_id,
        claim_epoch=new.epoch,
        lease_until=new.lease_until,
    )
    return Claimed(claimed, new, lapsed)


def heartbeat(
    claim: Claim, order: Order, now: datetime, lease: timedelta = LEASE, epoch: int | None = None
) -> Claim:
    """Extend the lease, up to two hours in total and never past the order's expiry.

    Returns the same claim if its lease cannot be extended. Raises LeaseLost, InvalidState (from processing on).
    """
    _require_lease(claim, order, now, epoch)
    until = min(now + lease, claim.claimed_at + MAX_LEASE, order.expires_at or now + lease)
    if claim.lease_until is not None and until <= claim.lease_until:
        return claim
    return advance(claim, now, lease_until=until)


def release(claim: Claim, order: Order, now: datetime, epoch: int | None = None) -> Ended:
    """End the claim because its claimer gives the order back. Raises LeaseLost, InvalidState (from processing on)."""
    _require_lease(claim, order, now, epoch)
    return _end(claim, order, "released", None, now)


def reject(claim: Claim, order: Order, reason: str, now: datetime) -> Ended:
    """End the claim because the order's owner takes the order back. Raises InvalidState unless it is claimed."""
    require_claimed(claim, now)
    return _end(claim, order, "rejected", reason, now)


def lapse(order: Order, claim: Claim, now: datetime) -> Ended:
    """End the claim because its lease has run out. Raises InvalidState if it has not."""
    if not claim.lapsed(now):
        raise InvalidState("The lease has not run out.", status=claim.status)
    return _end(claim, order, "expired", "LEASE_EXPIRED", now)


def require_claimed(claim: Claim, now: datetime) -> None:
    """Raises InvalidState with `data.status` unless the claim is claimed and its lease has not run out."""
    if claim.status_at(now) != "claimed":
        raise InvalidState(status=claim.status_at(now))


def _require_open(order: Order, now: datetime) -> None:
    if order.status == "expired" or order.expired(now):
        raise OrderExpired
    check("order", order.status, "claimed")


def _replay(order: Order, holder: Claim | None, wallet: Wallet) -> Claimed:
    if holder is None or holder.id != order.claim_id or holder.user_id != wallet.user_id:
        raise OrderAlreadyClaimed
    if holder.wallet_id != wallet.id:
        raise ClaimExists(claim_id=holder.id)
    return Claimed(order, holder, replayed=True)


def _new_claim(order: Order, wallet: Wallet, claim_id: str, now: datetime, lease: timedelta) -> Claim:
    return Claim(
        id=claim_id,
        order_id=order.id,
        order_user_id=order.user_id,
        user_id=wallet.user_id,
        wallet_id=wallet.id,
        recipient=wallet.address,
        chain=order.chain,
        currency=order.currency,
        token_address=order.token_address,
        decimals=order.decimals,
        amount=order.amount,
        status="claimed",
        reason=None,
        epoch=order.claim_epoch + 1,
        lease_until=min(now + lease, order.expires_at or now + lease),
        claimed_at=now,
        processed_at=None,
        settlement_status="none",
        settlement_round=0,
        version=1,
        created_at=now,
        updated_at=now,
    )


def _require_lease(claim: Claim, order: Order, now: datetime, epoch: int | None) -> None:
    stale = order.claim_id != claim.id or epoch not in (None, claim.epoch)
    if stale or claim.lapsed(now):
        raise LeaseLost(status=claim.status_at(now))
    require_claimed(claim, now)


def _end(claim: Claim, order: Order, status: ClaimStatus, reason: str | None, now: datetime) -> Ended:
    check("claim", claim.status, status)
    return Ended(
        orders.reopened(order, now), advance(claim, now, status=status, reason=reason, lease_until=None)
    )


def advance(claim: Claim, now: datetime, **changes: Any) -> Claim:
    """The next version with these changes. The caller has checked that the transition table allows a new status."""
    return replace(claim, version=claim.version + 1, updated_at=now, **changes)
