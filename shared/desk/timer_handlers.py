"""Handle due timers. A timer never has an effect that a read or write would not have as well."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from shared.desk import activation, endings
from shared.desk import orders as desk_orders
from shared.desk import supplies as desk_supplies
from shared.desk import timers as desk_timers
from shared.domain.desk import claims as claim_rules
from shared.domain.desk import orders as order_rules
from shared.domain.desk import supplies as supply_rules
from shared.domain.desk.claims import Claim
from shared.domain.desk.orders import Order
from shared.domain.desk.supplies import Supply
from shared.store.session import Session
from shared.store.tables import claims, orders, supplies
from shared.store.tables.system import Timer, timer
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

AGAIN = timedelta(minutes=1)  # delay while an expired supply still has reservations


def idle(session: Session, timers: Sequence[Timer], now: datetime) -> list[Timer]:
    """The timers for which no work is left, now or later; they can simply be deleted."""
    subjects: dict[str, list[str]] = defaultdict(list)
    for one in timers:
        subjects[one.kind].append(one.subject)
    supply_ids = [*subjects[desk_timers.SUPPLY_CHECK], *subjects[desk_timers.SUPPLY_EXPIRY]]
    groups = session.read(
        orders.by_ids(subjects[desk_timers.ORDER_EXPIRY]),
        claims.by_ids(subjects[desk_timers.CLAIM_LEASE]),
        supplies.by_ids(supply_ids),
    )
    rows = {row.id: row for group in groups for row in group}
    return [one for one in timers if not _matters(one, rows.get(one.subject), now)]


def _matters(due: Timer, row: Order | Claim | Supply | None, now: datetime) -> bool:
    if isinstance(row, Claim):
        return row.status == "claimed"
    if isinstance(row, Order):
        return row.status == "open" and row.expired(now)
    if row is None:
        return False
    if due.kind == desk_timers.SUPPLY_CHECK:
        return row.status == "pending"
    return row.status not in ("closed", "rejected") and row.expired(now)


def fire(due: Timer) -> None:
    """Handle one due timer and remove it. Raises the errors of its rules and the store."""
    if due.kind == desk_timers.SUPPLY_CHECK:
        activation.check(due.subject)
    commit(HANDLERS.get(due.kind, _drop), due)


def _drop(unit: UnitOfWork, due: Timer) -> None:
    unit.delete(due)


def _order_expiry(unit: UnitOfWork, due: Timer) -> None:
    unit.delete(due)
    order = unit.maybe(orders.find(due.subject))
    if order is None or order.status != "open" or not order.expired(unit.now):
        return
    endings.end_order(unit, "order.expired", desk_orders.read(unit, order.id), order_rules.expire)


def _claim_lease(unit: UnitOfWork, due: Timer) -> None:
    unit.delete(due)
    claim = unit.maybe(claims.find(due.subject))
    if claim is None or claim.status != "claimed":
        return
    if not claim.lapsed(unit.now):
        unit.write(*desk_timers.claim_lease(claim))
        return
    endings.end_claim(
        unit,
        "claim.expired",
        claim.order_id,
        lambda order: claim_rules.lapse(order, claim, unit.now),
    )


def _supply_expiry(unit: UnitOfWork, due: Timer) -> None:
    unit.delete(due)
    supply = unit.maybe(supplies.find(due.subject))
    if supply is None or not supply.expired(unit.now) or supply.status in ("closed", "rejected"):
        return
    if supply.reserved:
        unit.write(timer(desk_timers.SUPPLY_EXPIRY, supply.id, unit.now + AGAIN))
    desk_supplies.write(unit, [supply], [supply_rules.expire(supply, unit.now)])


HANDLERS: Final[dict[str, Callable[[UnitOfWork, Timer], None]]] = {
    desk_timers.ORDER_EXPIRY: _order_expiry,
    desk_timers.CLAIM_LEASE: _claim_lease,
    desk_timers.SUPPLY_EXPIRY: _supply_expiry,
}
