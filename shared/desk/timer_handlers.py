"""What happens when a timer of the desk is due. Nothing is done that reads and writes would not do by themselves."""

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

AGAIN = timedelta(minutes=1)  # for what is still reserved of an expired supply


def idle(session: Session, timers: Sequence[Timer], now: datetime) -> list[Timer]:
    """Those of the timers that nothing is left to do for, now or later: they can simply go."""
    of: dict[str, list[str]] = defaultdict(list)
    for one in timers:
        of[one.kind].append(one.subject)
    own = [*of[desk_timers.SUPPLY_CHECK], *of[desk_timers.SUPPLY_EXPIRY]]
    found = session.read(
        orders.by_ids(of[desk_timers.ORDER_EXPIRY]),
        claims.by_ids(of[desk_timers.CLAIM_LEASE]),
        supplies.by_ids(own),
    )
    rows = {row.id: row for group in found for row in group}
    return [one for one in timers if not _matters(one, rows.get(one.subject), now)]


def _matters(what: Timer, row: Order | Claim | Supply | None, now: datetime) -> bool:
    if isinstance(row, Claim):
        return row.status == "claimed"
    if isinstance(row, Order):
        return row.status == "open" and row.expired(now)
    if row is None:
        return False
    if what.kind == desk_timers.SUPPLY_CHECK:
        return row.status == "pending"
    return row.status not in ("closed", "rejected") and row.expired(now)


def fire(what: Timer) -> None:
    """Handle one due timer and remove it. Raises what its rules and the store raise."""
    if what.kind == desk_timers.SUPPLY_CHECK:
        activation.check(what.subject)
    commit(HANDLERS.get(what.kind, _drop), what)


def _drop(unit: UnitOfWork, what: Timer) -> None:
    unit.delete(what)


def _order_expiry(unit: UnitOfWork, what: Timer) -> None:
    unit.delete(what)
    order = unit.maybe(orders.find(what.subject))
    if order is None or order.status != "open" or not order.expired(unit.now):
        return
    endings.end_order(unit, "order.expired", desk_orders.read(unit, order.id), order_rules.expire)


def _claim_lease(unit: UnitOfWork, what: Timer) -> None:
    unit.delete(what)
    claim = unit.maybe(claims.find(what.subject))
    if claim is None or claim.status != "claimed":
        return
    if not claim.lapsed(unit.now):
        unit.write(*desk_timers.claim_lease(claim))
        return
    aggregate = desk_orders.read(unit, claim.order_id)
    ended = claim_rules.lapse(aggregate.order, claim, unit.now)
    endings.end_claim(unit, "claim.expired", ended, aggregate)


def _supply_expiry(unit: UnitOfWork, what: Timer) -> None:
    unit.delete(what)
    supply = unit.maybe(supplies.find(what.subject))
    if supply is None or not supply.expired(unit.now) or supply.status in ("closed", "rejected"):
        return
    if supply.reserved:
        unit.write(timer(desk_timers.SUPPLY_EXPIRY, supply.id, unit.now + AGAIN))
    desk_supplies.move(unit, [supply], [supply_rules.expire(supply, unit.now)])


HANDLERS: Final[dict[str, Callable[[UnitOfWork, Timer], None]]] = {
    desk_timers.ORDER_EXPIRY: _order_expiry,
    desk_timers.CLAIM_LEASE: _claim_lease,
    desk_timers.SUPPLY_EXPIRY: _supply_expiry,
}
