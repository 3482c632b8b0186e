"""What a commit does to supplies: the rows with their ledger lines, the funds rows behind them, the events."""

from __future__ import annotations

from collections.abc import Iterable

from shared import resources
from shared.desk.events import emit_supply
from shared.domain.desk import funds
from shared.domain.desk.allocation import Allocation
from shared.domain.desk.funds import FundsPair
from shared.domain.desk.supplies import Moved, Supply
from shared.domain.money import Asset
from shared.funds.balances import Observed
from shared.funds.bookings import observed
from shared.store.tables import supplies as supply_tables
from shared.store.unit_of_work import UnitOfWork


def move(
    unit: UnitOfWork, before: Iterable[Supply], moves: Iterable[Moved], seen: Observed | None = None
) -> None:
    """Write moved supplies; `before` holds them as they were read, `seen` what the chain said of their address.

    Raises InsufficientBalance, InsufficientGas, BalanceUnknown when a supply grows or resumes uncovered.
    """
    rows = {supply.id: supply for supply in before}
    for moved in moves:
        supply = rows[moved.supply.id]
        if moved.supply == supply:
            continue
        unit.write(moved.supply, *moved.entries)
        follow(unit, supply, moved.supply, seen)
        emit_supply(unit, supply, moved.supply)


def follow(unit: UnitOfWork, before: Supply, after: Supply, seen: Observed | None = None) -> None:
    """Let the funds rows follow a supply, read only when what is committed of them changes."""
    if funds.commitment(before) == funds.commitment(after) and not funds.needs_cover(before, after):
        return
    pair = pair_of(unit, after)
    if seen is not None:
        pair = observed(pair, seen, unit)
    unit.write(*rows(funds.book(pair, before, after, gas_reserve(after.chain), unit.now)))


def pair_of(unit: UnitOfWork, supply: Supply) -> FundsPair:
    """The funds rows of a supply's address and asset, new ones where there are none."""
    token_address = supply.token_address
    if token_address is None:
        coin, token = unit.maybe(supply_tables.coin_of(supply)), None
    else:
        coin, token = unit.read(supply_tables.coin_of(supply), supply_tables.token_of(supply))
        token = token or funds.empty(supply.chain, supply.address, token_address, unit.now)
    return FundsPair(coin or funds.empty(supply.chain, supply.address, None, unit.now), token)


def rows(pair: FundsPair) -> list[funds.Funds]:
    return [row for row in pair if row is not None]


def held_by(unit: UnitOfWork, allocations: Iterable[Allocation]) -> list[Supply]:
    """The supplies in which allocations still reserve something."""
    held = [part.supply_id for part in allocations if part.status == "reserved"]
    return unit.many(supply_tables.by_ids(held)) if held else []


# Which asset a request means, and what its chain asks of a supplying wallet.


def of(chain: str | None, currency: str) -> Asset:
    """The asset of a symbol or token address; the deployment's default chain when none is named.

    Raises UnknownChain, UnsupportedCurrency (422)."""
    return resources.registry().currency(chain or resources.settings().default_chain, currency)


def gas_reserve(chain: str) -> int:
    """Wei that a supplying wallet keeps for one payout."""
    return resources.registry().chain(chain).settlement_gas_reserve


def symbol(chain: str | None, currency: str | None) -> str | None:
    """What lists filter by: rows hold the registry's symbol, callers may also name a token's address."""
    if currency is None or not currency.startswith("0x"):
        return currency
    return of(chain, currency).symbol
