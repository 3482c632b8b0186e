"""An order: items with an exact total, reserved from the owner's supplies, all or nothing.

    open → claimed → processing → completed | failed;  open → cancelled | expired
    claimed → open | expired (released, rejected, lapsed);  failed → processing (retry)

How supplies are chosen is in `allocation`; what a claim does to the order is in `claims` and `settlement`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from shared.domain.desk.allocation import Allocation, allocate, choose, release_all
from shared.domain.desk.states import OrderStatus, check
from shared.domain.desk.supplies import Moved, Supply
from shared.domain.errors import InvalidState, InvalidValue
from shared.domain.keep import KEEP, Keep
from shared.domain.money import MAX_AMOUNT, Asset, in_future, parse_amount

MAX_ITEMS: Final = 200
MAX_QUANTITY: Final = 10**9


@dataclass(frozen=True, slots=True)
class Order:
    """The row of an order; amounts in base units. Its items and allocations are rows of child tables."""

    id: str  # ord_…
    user_id: str  # the owner
    chain: str
    currency: str
    token_address: str | None
    decimals: int
    amount: int
    status: OrderStatus
    note: str | None
    expires_at: datetime | None
    claim_id: str | None  # the live claim; stays from `processing` on, None while open
    claimer_id: str | None  # the live claim's user
    claim_epoch: int  # grows with each claim and each return to `open`; 0 = never claimed
    lease_until: datetime | None  # the live claim cannot lapse before it (heartbeats do not write it)
    hidden: bool  # deleted by its owner: readable by id, absent from lists
    version: int
    created_at: datetime
    updated_at: datetime
    metadata: dict[str, str] | None = None  # the owner's notes, never interpreted

    @property
    def asset(self) -> Asset:
        return Asset(self.chain, self.currency, self.token_address, self.decimals)

    def expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def status_at(self, now: datetime) -> OrderStatus:
        """The status at `now`, even if the row does not say so yet."""
        return "expired" if self.status == "open" and self.expired(now) else self.status

    def visible_to_all(self, now: datetime) -> bool:
        """Whether everybody who may claim orders may see its public part."""
        return self.status_at(now) == "open"


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One line of an order. The key is (order_id, line); price and total are in base units."""

    order_id: str
    line: int  # 0, 1, 2 …
    product_id: str
    product_name: str
    price: int
    quantity: int
    total: int


class Line(NamedTuple):
    """A requested item; `price` is a decimal string in the order's currency."""

    product_id: str
    product_name: str
    price: str
    quantity: int


class Placed(NamedTuple):
    """A new order, its child rows, and the moves of the supplies that it reserves from."""

    order: Order
    items: tuple[OrderItem, ...]
    allocations: tuple[Allocation, ...]
    moves: tuple[Moved, ...]


class Ended(NamedTuple):
    """An order that reserves nothing any more, with the released allocations and the moves of their supplies."""

    order: Order
    allocations: tuple[Allocation, ...]
    moves: tuple[Moved, ...]


def items(order_id: str, lines: Sequence[Line], decimals: int) -> tuple[OrderItem, ...]:
    """The order's items with exact totals. Raises InvalidValue naming the line's field, such as `items.3.price`."""
    if not 1 <= len(lines) <= MAX_ITEMS:
        raise InvalidValue("items", f"must have 1 to {MAX_ITEMS} lines")
    result: list[OrderItem] = []
    left = MAX_AMOUNT
    for number, line in enumerate(lines):
        if not 1 <= line.quantity <= MAX_QUANTITY:
            raise InvalidValue(f"items.{number}.quantity", f"must be from 1 to {MAX_QUANTITY}")
        price = parse_amount(line.price, decimals, f"items.{number}.price")
        left -= price * line.quantity
        if left < 0:
            raise InvalidValue(f"items.{number}", "makes a total that is larger than the ledger can hold")
        item = OrderItem(
            order_id=order_id,
            line=number,
            product_id=line.product_id,
            product_name=line.product_name,
            price=price,
            quantity=line.quantity,
            total=price * line.quantity,
        )
        result.append(item)
    return tuple(result)


def place(
    *,
    order_id: str,
    user_id: str,
    asset: Asset,
    lines: Sequence[Line],
    supplies: Iterable[Supply],
    note: str | None,
    expires_at: datetime | None,
    new_id: Callable[[str], str],
    now: datetime,
) -> Placed:
    """Create an open order and reserve its total from the owner's supplies among `supplies`.

    `new_id("alc")` creates the id of an allocation. Raises InvalidValue, InsufficientSupply, TooFragmented.
    """
    rows = items(order_id, lines, asset.decimals)
    total = sum(row.total for row in rows)
    order = _opened(
        order_id=order_id,
        user_id=user_id,
        asset=asset,
        amount=total,
        note=note,
        expires_at=in_future(expires_at, now),
        now=now,
    )
    own = [supply for supply in supplies if supply.user_id == user_id]
    parts = choose(order_id, asset, total, own, now)
    held = [allocate(order_id, new_id("alc"), supply, part, now) for supply, part in parts]
    return Placed(order, rows, tuple(a for a, _ in held), tuple(m for _, m in held))


def _opened(
    *,
    order_id: str,
    user_id: str,
    asset: Asset,
    amount: int,
    note: str | None,
    expires_at: datetime | None,
    now: datetime,
) -> Order:
    """A new order; `amount` in base units of the asset."""
    return Order(
        id=order_id,
        user_id=user_id,
        chain=asset.chain,
        currency=asset.symbol,
        token_address=asset.token_address,
        decimals=asset.decimals,
        amount=amount,
        status="open",
        note=note,
        expires_at=expires_at,
        claim_id=None,
        claimer_id=None,
        claim_epoch=0,
        lease_until=None,
        hidden=False,
        version=1,
        created_at=now,
        updated_at=now,
    )


def update(
    order: Order,
    now: datetime,
    *,
    note: str | Keep | None = KEEP,
    expires_at: datetime | Keep | None = KEEP,
    metadata: dict[str, str] | Keep | None = KEEP,
) -> Order:
    """The order with the owner's changes; the same order if nothing changes.

    Note and metadata can always be changed, the expiry only before processing. Raises InvalidState, InvalidValue.
    """
    after = order
    if metadata is not KEEP:
        after = replace(after, metadata=metadata or None)
    if note is not KEEP:
        after = replace(after, note=note)
    if expires_at is not KEEP and expires_at != order.expires_at:
        if order.status not in ("open", "claimed") or order.expired(now):
            raise InvalidState(status="expired" if order.expired(now) else order.status)
        after = replace(after, expires_at=in_future(expires_at, now))
    return order if after == order else advance(after, now)


def cancel(
    order: Order, allocations: Sequence[Allocation], supplies: Sequence[Supply], now: datetime
) -> Ended:
    """Cancel an open order and release its reservations. Raises InvalidState with `data.status`."""
    if order.status_at(now) != "open":
        raise InvalidState(status=order.status_at(now))
    return _end(order, "cancelled", allocations, supplies, now)


def expire(
    order: Order, allocations: Sequence[Allocation], supplies: Sequence[Supply], now: datetime
) -> Ended:
    """End an open order whose `expires_at` has passed and release its reservations. Raises InvalidState."""
    if not order.expired(now):
        raise InvalidState("The order is not past its time.", status=order.status)
    return _end(order, "expired", allocations, supplies, now)


def hide(order: Order, now: datetime) -> Order:
    """The order, removed from all lists; the same order if it already is. Raises InvalidState for an open order, which
    must end first.

    A claim on the order continues; if it ends unpaid, the order expires and does not open again."""
    if order.status == "open":
        raise InvalidState(status=order.status)
    return order if order.hidden else advance(order, now, hidden=True)


def reopened(order: Order, now: datetime) -> Order:
    """The order after its claim ended unpaid: open with a higher epoch, or expired if its time has passed or it was
    deleted.

    The caller releases the reservations of an expired order in the same commit (`allocation.release_all`).
    """
    target: OrderStatus = "expired" if order.expired(now) or order.hidden else "open"
    check("order", order.status, target)
    return advance(
        order,
        now,
        status=target,
        claim_id=None,
        claimer_id=None,
        claim_epoch=order.claim_epoch + 1,
        lease_until=None,
    )


def _end(
    order: Order,
    target: OrderStatus,
    allocations: Sequence[Allocation],
    supplies: Sequence[Supply],
    now: datetime,
) -> Ended:
    if order.status != "open":
        raise InvalidState(status=order.status)
    back = release_all(order.id, allocations, supplies, now)
    return Ended(advance(order, now, status=target), back.allocations, back.moves)


def advance(order: Order, now: datetime, **changes: Any) -> Order:
    """The next version with these changes. The caller has checked that the transition table allows a new status."""
    return replace(order, version=order.version + 1, updated_at=now, **changes)
