"""Functions shared by operations on supplies: find the asset of a request, and write all rows that change with a
supply in one commit.

A supply always changes together with its ledger lines, the funds rows of its address, and an event.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared import resources
from shared.chain.balances import Balances
from shared.chain.registry import UnsupportedCurrency
from shared.desk.events import emit_supply
from shared.domain.desk import funds
from shared.domain.desk.allocation import Allocation
from shared.domain.desk.supplies import Moved, Supply
from shared.domain.money import Asset
from shared.funds import bookings
from shared.store.tables import supplies as supply_tables
from shared.store.unit_of_work import UnitOfWork


def asset_of(chain: str | None, currency: str) -> Asset:
    """The asset of a symbol or token address, on the deployment's default chain if none is given.

    Raises UnknownChain, UnsupportedCurrency (422).
    """
    return resources.registry().currency(chain or resources.settings().default_chain, currency)


def symbol_of(chain: str | None, currency: str | None) -> str | None:
    """The symbol that lists filter by: rows hold the registry's symbol, but callers may also give a token's address.

    Raises UnknownChain, UnsupportedCurrency (422).
    """
    if currency is None or currency in (known := resources.registry().symbols(chain)):
        return currency
    if not currency.startswith("0x"):
        raise UnsupportedCurrency.beside(known)
    return asset_of(chain, currency).symbol


def gas_reserve(chain: str) -> int:
    """The wei that a supplying wallet keeps for one payout."""
    return resources.registry().chain(chain).settlement_gas_reserve


def reserved_by(unit: UnitOfWork, allocations: Iterable[Allocation]) -> list[Supply]:
    """The supplies in which the allocations still reserve an amount."""
    supply_ids = [allocation.supply_id for allocation in allocations if allocation.status == "reserved"]
    return unit.many(supply_tables.by_ids(supply_ids)) if supply_ids else []


def write(
    unit: UnitOfWork, before: Iterable[Supply], moves: Iterable[Moved], observed: Balances | None = None
) -> None:
    """Write moved supplies; `before` holds them as they were read, `observed` the on-chain balances of their address.

    Raises InsufficientBalance, InsufficientGas, BalanceUnknown when a supply grows or resumes uncovered.
    """
    earlier = {supply.id: supply for supply in before}
    for moved in moves:
        supply = earlier[moved.supply.id]
        if moved.supply == supply:
            continue
        unit.write(moved.supply, *moved.entries)
        _book(unit, supply, moved.supply, observed)
        emit_supply(unit, supply, moved.supply)


def funds_of(unit: UnitOfWork, supply: Supply) -> funds.FundsPair:
    """The funds rows of a supply's address and asset; new rows if none exist."""
    return bookings.get(unit, supply.address, supply.chain, supply.token_address)


def _book(unit: UnitOfWork, before: Supply, after: Supply, observed: Balances | None) -> None:
    """Update the funds rows of a supply. They are read only if the supply's commitment changes."""
    if funds.commitment(before) == funds.commitment(after) and not funds.needs_cover(before, after):
        return
    pair = funds_of(unit, after)
    if observed is not None:
        pair = bookings.observed(pair, observed, unit)
    bookings.put(unit, funds.book(pair, before, after, gas_reserve(after.chain), unit.now))
