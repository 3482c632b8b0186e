"""Activate or reject a pending supply: its balance is read on chain, then one commit decides together with the funds
rows.

The event of the creation starts this. If it is lost, `fire_timers` finds the supply by its status."""

from __future__ import annotations

from shared import resources
from shared.chain.balances import Balances
from shared.desk import supplies as desk_supplies
from shared.desk.events import emit_supply
from shared.domain.desk import funds, supplies
from shared.domain.desk.funds import InsufficientBalance, InsufficientGas
from shared.domain.desk.supplies import Supply
from shared.funds import balances, bookings
from shared.store.session import Session
from shared.store.tables import supplies as rows
from shared.store.tables.system import InboxRow
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


def check(supply_id: str, inbox: InboxRow | None = None) -> None:
    """Activate or reject the supply; does nothing if it is no longer pending.

    Raises BalanceUnknown (503) or ChainError while the chain does not answer reliably: try again later.
    """
    supply = Session(resources.database().snapshot()).maybe(rows.find(supply_id))
    if supply is None or supply.status != "pending":
        return
    commit(_decide, supply_id, balances.observe(supply), inbox=inbox)


def _decide(unit: UnitOfWork, supply_id: str, observed: Balances) -> None:
    supply = unit.one(rows.by_id(supply_id))
    if supply.status != "pending":
        return
    if supply.expired(unit.now):
        desk_supplies.write(unit, [supply], [supplies.expire(supply, unit.now)])
        return
    after = _activated(unit, supply, observed)
    unit.write(after)
    emit_supply(unit, supply, after)


def _activated(unit: UnitOfWork, supply: Supply, observed: Balances) -> Supply:
    pair = bookings.observed(desk_supplies.funds_of(unit, supply), observed, unit)
    after = supplies.activate(supply, unit.now)
    try:
        pair = funds.book(pair, supply, after, desk_supplies.gas_reserve(supply.chain), unit.now)
    except (InsufficientBalance, InsufficientGas) as refusal:
        return supplies.reject(supply, refusal.code, unit.now)
    bookings.put(unit, pair)
    return after
