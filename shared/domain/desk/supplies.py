"""A supply: part of a wallet's balance that its owner commits to orders.

    pending → active ⇄ paused, active ⇄ exhausted, → closed, pending → rejected

A rule that moves money returns `Moved`: the next version of the supply and its ledger lines. Write both.
An `exhausted` supply has nothing available, but some of it is still reserved; once everything is settled, it closes.
A closed supply has nothing available; only a reorganisation of the chain can make a part of it reserved again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, NamedTuple

from shared.domain.desk.ledger import FLOWS, LedgerEntry, Verb, balances, entries
from shared.domain.desk.states import SupplyStatus, check
from shared.domain.errors import InvalidState, Refusal
from shared.domain.keep import KEEP, Keep
from shared.domain.money import Asset, bounded, format_amount, in_future

UNDERFUNDED: Final = "underfunded"
LIVE: Final = frozenset({"active", "paused", "exhausted"})


class AmountInUse(Refusal):
    """`data.minimum` is the lowest possible amount, a decimal string."""

    code, status, message = "AMOUNT_IN_USE", 409, "The amount would be below what is reserved and settled."


class SupplyReserved(Refusal):
    """`data.reserved` is the amount that orders reserve, a decimal string."""

    code, status, message = "SUPPLY_RESERVED", 409, "Orders still reserve a part of this supply."


@dataclass(frozen=True, slots=True)
class Supply:
    """The row of a supply. Always `available + reserved + settled = amount`, in base units of the currency."""

    id: str  # sup_…
    user_id: str
    wallet_id: str
    chain: str
    address: str  # of the wallet, EIP-55: the key of its funds rows
    currency: str  # registry symbol
    token_address: str | None  # None: the native coin
    decimals: int
    amount: int
    available: int
    reserved: int
    settled: int
    status: SupplyStatus
    reason: str | None  # why it was rejected or paused; None if its owner paused it
    expires_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
    metadata: dict[str, str] | None = None  # the owner's notes, never interpreted

    @property
    def asset(self) -> Asset:
        return Asset(self.chain, self.currency, self.token_address, self.decimals)

    @property
    def live(self) -> bool:
        """Whether the supply was activated and is not closed yet."""
        return self.status in LIVE

    def expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


class Moved(NamedTuple):
    """The next version of a supply, and the ledger lines of the change (none if no money moved)."""

    supply: Supply
    entries: tuple[LedgerEntry, ...]


def create(
    *,
    supply_id: str,
    user_id: str,
    wallet_id: str,
    address: str,
    asset: Asset,
    amount: int,
    expires_at: datetime | None,
    now: datetime,
) -> Moved:
    """Create a pending supply of `amount` base units. All of it is available once the supply is active.

    Raises InvalidValue if `expires_at` has passed or the amount is larger than the ledger can hold.
    """
    supply = Supply(
        id=supply_id,
        user_id=user_id,
        wallet_id=wallet_id,
        chain=asset.chain,
        address=address,
        currency=asset.symbol,
        token_address=asset.token_address,
        decimals=asset.decimals,
        amount=bounded(amount, "amount"),
        available=amount,
        reserved=0,
        settled=0,
        status="pending",
        reason=None,
        expires_at=in_future(expires_at, now),
        version=1,
        created_at=now,
        updated_at=now,
    )
    return Moved(supply, entries(None, supply, "fund", None, now))


def activate(supply: Supply, now: datetime) -> Supply:
    """Activate a pending supply, in the commit that books its coverage. Raises InvalidState."""
    if supply.status != "pending":
        raise InvalidState(status=supply.status)
    return _with_status(supply, "active", None, now)


def reject(supply: Supply, reason: str, now: datetime) -> Supply:
    """Reject a pending supply that its wallet does not cover; `reason` is a code. Raises InvalidState."""
    check("supply", supply.status, "rejected")
    return _with_status(supply, "rejected", reason, now)


def pause(supply: Supply, now: datetime, reason: str | None = None) -> Supply:
    """Stop new reservations; existing ones stay. A pause by the owner (reason None) takes precedence over
    `underfunded`.

    Returns the same supply if it is already paused. Raises InvalidState."""
    if supply.status == "paused" and supply.reason in (None, reason):
        return supply
    if not supply.live:
        raise InvalidState(status=supply.status)
    return _with_status(supply, "paused", reason, now)


def resume(supply: Supply, now: datetime) -> Supply:
    """Make a paused supply active, or exhausted if nothing is available. Returns any other live supply unchanged.

    `funds.book` checks the coverage again. Raises InvalidState if the supply is not live.
    """
    if supply.status in ("active", "exhausted"):
        return supply
    if not supply.live:
        raise InvalidState(status=supply.status)
    return _with_status(supply, "active" if supply.available else "exhausted", None, now)


def update(
    supply: Supply,
    now: datetime,
    *,
    amount: int | Keep = KEEP,
    status: Literal["active", "paused"] | Keep = KEEP,
    expires_at: datetime | Keep | None = KEEP,
    metadata: dict[str, str] | Keep | None = KEEP,
) -> Moved:
    """The supply with the owner's changes, as one new version; the same supply if nothing changes.

    Metadata can always be changed. Raises AmountInUse, InvalidValue, InvalidState (it is closed or rejected, or is
    pending and should be paused or resumed).
    """
    noted_only = metadata is not KEEP and (amount, status, expires_at) == (KEEP, KEEP, KEEP)
    if supply.status in ("closed", "rejected") and not noted_only:
        raise InvalidState(status=supply.status)
    moved = Moved(supply, ())
    if amount is not KEEP and amount != supply.amount:
        moved = _resize(supply, bounded(amount, "amount"), now)
    after = moved.supply
    if expires_at is not KEEP and expires_at != supply.expires_at:
        after = replace(after, expires_at=in_future(expires_at, now))
    if metadata is not KEEP:
        after = replace(after, metadata=metadata or None)
    if status is not KEEP:
        after = pause(after, now) if status == "paused" else resume(after, now)
    if after != supply:
        after = replace(after, version=supply.version + 1, updated_at=now)
    return Moved(after, moved.entries)


def close(supply: Supply, now: datetime) -> Moved:
    """Close the supply, and reduce its amount by what is available. Raises SupplyReserved, InvalidState."""
    check("supply", supply.status, "closed")
    if supply.reserved:
        raise SupplyReserved(reserved=format_amount(supply.reserved, supply.decimals))
    moved = move(supply, "withdraw", supply.available, None, now)
    return moved._replace(supply=replace(moved.supply, status="closed", reason=None))


def expire(supply: Supply, now: datetime) -> Moved:
    """Close the supply if its time has passed and nothing is reserved; otherwise the same supply. For the timer."""
    if not supply.expired(now) or supply.reserved or supply.status in ("closed", "rejected"):
        return Moved(supply, ())
    return close(supply, now)


def accepts(supply: Supply, asset: Asset, now: datetime) -> bool:
    """Whether orders in this asset may reserve from the supply now."""
    return supply.status == "active" and supply.asset == asset and not supply.expired(now)


def reserve(supply: Supply, amount: int, order_id: str, now: datetime) -> Moved:
    """Reserve `amount` base units for an order.

    Raises InvalidState if the supply takes no reservations now or has too little available.
    """
    if not accepts(supply, supply.asset, now) or not 0 < amount <= supply.available:
        raise InvalidState("The supply takes no such reservation now.", status=supply.status)
    return move(supply, "reserve", amount, order_id, now)


def release(supply: Supply, amount: int, order_id: str, now: datetime) -> Moved:
    """Release a reservation of `amount` base units. In a closed supply, it is released to the wallet at once (two
    versions)."""
    moved = move(supply, "release", amount, order_id, now)
    if supply.status != "closed":
        return moved
    handed = move(moved.supply, "withdraw", amount, order_id, now)
    return Moved(handed.supply, moved.entries + handed.entries)


def settle(supply: Supply, amount: int, transaction_id: str, now: datetime) -> Moved:
    """Settle a reservation that was paid on chain; the supply closes if nothing else is left in it."""
    return move(supply, "settle", amount, transaction_id, now)


def unsettle(supply: Supply, amount: int, transaction_id: str, now: datetime) -> Moved:
    """Reserve the amount of a payment again that the chain has reversed, even in a closed supply."""
    return move(supply, "adjust", amount, transaction_id, now)


def event(before: Supply | None, after: Supply) -> str:
    """The event type of this change."""
    if before is None:
        return "supply.created"
    if before.status == after.status or (before.status == "exhausted" and after.status == "active"):
        return "supply.updated"
    if before.status == "paused" and after.live:
        return "supply.resumed"
    return f"supply.{'activated' if after.status == 'active' else after.status}"


def _resize(supply: Supply, amount: int, now: datetime) -> Moved:
    if amount > supply.amount:
        return move(supply, "fund", amount - supply.amount, None, now)
    minimum = supply.reserved + supply.settled
    if amount < minimum:
        raise AmountInUse(minimum=format_amount(minimum, supply.decimals))
    return move(supply, "withdraw", supply.amount - amount, None, now)


def move(supply: Supply, verb: Verb, amount: int, reference: str | None, now: datetime) -> Moved:
    """Move base units between the two accounts of a verb; the status follows the balances.

    The caller has checked its own conditions. Raises BrokenLedger if a balance would become negative.
    """
    source, target = FLOWS[verb]
    accounts = balances(supply)
    accounts[source] -= amount
    accounts[target] += amount
    after = replace(
        supply,
        available=accounts["available"],
        reserved=accounts["reserved"],
        settled=accounts["settled"],
        amount=-accounts["external"],
        version=supply.version + 1,
        updated_at=now,
    )
    return Moved(_with_followed_status(after), entries(supply, after, verb, reference, now))


def _with_followed_status(supply: Supply) -> Supply:
    if not supply.live or (supply.status == "paused" and supply.available + supply.reserved):
        return supply
    if not supply.available + supply.reserved:
        return replace(supply, status="closed", reason=None)
    return replace(supply, status="active" if supply.available else "exhausted")


def _with_status(supply: Supply, status: SupplyStatus, reason: str | None, now: datetime) -> Supply:
    if status != supply.status:
        check("supply", supply.status, status)
    return replace(supply, status=status, reason=reason, version=supply.version + 1, updated_at=now)
