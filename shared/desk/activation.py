"""Whether a pending supply's wallet covers it: seen on chain first, decided in one commit with the funds rows."""

from __future__ import annotations

from shared import resources
from shared.commit import commit
from shared.desk import assets, due, observing, stock
from shared.desk.telling import tell_supply
from shared.domain import funds, supplies
from shared.domain.funds import InsufficientBalance, InsufficientGas
from shared.domain.supplies import Supply
from shared.engine.purses import Observed, observed
from shared.store import supplies as rows
from shared.store.records import InboxRow
from shared.store.session import Session
from shared.store.unit import UnitOfWork


def check(supply_id: str, inbox: InboxRow | None = None) -> None:
    """Activate or reject; nothing when the supply is not pending any more.

    Raises BalanceUnknown (503) or ChainError while the chain does not tell enough: ask again later.
    """
    supply = Session(resources.database().snapshot()).maybe(rows.find(supply_id))
    if supply is None or supply.status != "pending":
        return
    seen = observing.observe(supply)
    commit(_decide, supply_id, seen, inbox=inbox)


def _decide(unit: UnitOfWork, supply_id: str, seen: Observed) -> None:
    supply = unit.one(rows.by_id(supply_id))
    if supply.status != "pending":
        return
    unit.delete(due.supply_check(supply))
    if supply.expired(unit.now):
        stock.move(unit, [supply], [supplies.expire(supply, unit.now)])
        return
    after = _activated(unit, supply, seen)
    unit.write(after)
    tell_supply(unit, supply, after)


def _activated(unit: UnitOfWork, supply: Supply, seen: Observed) -> Supply:
    purse = observed(stock.purse_of(unit, supply), seen, unit)
    after = supplies.activate(supply, unit.now)
    try:
        purse = funds.book(purse, supply, after, assets.gas_reserve(supply.chain), unit.now)
    except (InsufficientBalance, InsufficientGas) as refusal:
        return supplies.reject(supply, refusal.code, unit.now)
    unit.write(*stock.rows(purse))
    return after
