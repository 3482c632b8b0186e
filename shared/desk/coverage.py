"""Check whether the balance of an address still covers its supplies. If not, the newest supplies are paused; they
resume when it does.

The snapshot's result is only a hint: a transaction decides again on the current rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared import resources
from shared.chain.balances import Balances
from shared.desk import supplies as desk_supplies
from shared.desk.events import emit_supply
from shared.domain.desk import funds
from shared.domain.desk import supplies as rules
from shared.domain.desk.funds import BalanceUnknown, Funds, FundsPair
from shared.domain.desk.supplies import UNDERFUNDED, Supply
from shared.store.tables import supplies
from shared.store.unit_of_work import UnitOfWork
from shared.telemetry import metrics
from shared.writes.commit import commit

COVERAGE = metrics.gauge(
    "wallet_coverage_lowest_ratio",
    "Of the addresses looked at, the least that one was seen to hold of what it is promised for.",
    "chain",
)


@dataclass(frozen=True, slots=True)
class Holding:
    """All rows of one address on one chain."""

    chain: str
    address: str
    funds: Sequence[Funds]
    supplies: Sequence[Supply]

    def pair(self, token_address: str) -> FundsPair:
        """The funds rows of an asset. Raises KeyError for an asset without a row."""
        rows = {row.token_address: row for row in self.funds}
        return FundsPair(rows[""], rows[token_address] if token_address else None)


Observations = Sequence[tuple[str, Balances]]  # (token address, "" for the native coin; balances)
Verdict = tuple[list[Funds], list[tuple[Supply, Supply]]]  # (changed rows, [(supply before, supply after)])


def judge(holding: Holding, observations: Observations, now: datetime) -> Verdict:
    """The changes that these observations cause."""
    by_asset = dict(observations)
    rows = [_observed(row, by_asset.get(row.token_address), now) for row in holding.funds]
    after = replace(holding, funds=rows)
    changed: list[tuple[Supply, Supply]] = []
    for token_address in by_asset:
        group = [s for s in holding.supplies if s.live and (s.token_address or "") == token_address]
        changed += _judged(after.pair(token_address), group, now) if group else []
    return rows, changed


def _observed(row: Funds, observed: Balances | None, now: datetime) -> Funds:
    if observed is None:
        return row
    balance = observed.coin if not row.token_address else observed.token
    if balance is None or balance == row.observed_balance:
        return row
    return funds.observe(row, balance, observed.block, now)


def _judged(pair: FundsPair, group: Sequence[Supply], now: datetime) -> list[tuple[Supply, Supply]]:
    """The supplies to pause or resume. Amounts in flight may already have left the balance, so a supply is paused
    only if the balance is too small even then."""
    reserve = desk_supplies.gas_reserve(pair.coin.chain)
    landed = FundsPair(_landed(pair.coin), pair.token and _landed(pair.token))
    try:
        short = funds.underfunded(pair, group, reserve)
        surely_short = funds.underfunded(landed, group, reserve)
    except BalanceUnknown:
        return []
    changed = []
    for supply in group:
        if supply.id in surely_short and supply.status != "paused":
            changed.append((supply, rules.pause(supply, now, UNDERFUNDED)))
        elif supply.id not in short and supply.status == "paused" and supply.reason == UNDERFUNDED:
            changed.append((supply, rules.resume(supply, now)))
    return changed


def _landed(row: Funds) -> Funds:
    return replace(row, observed_balance=row.observed_balance + row.in_flight)


def measure(holdings: Sequence[Holding]) -> None:
    """Set the coverage gauge. Amounts in flight may already have left the balance."""
    lowest: dict[str, float] = {}
    for holding in holdings:
        for row in holding.funds:
            if row.committed and row.observed_block:
                ratio = (row.observed_balance + row.in_flight) / row.committed
                lowest[holding.chain] = min(ratio, lowest.get(holding.chain, ratio))
    for chain, ratio in lowest.items():
        COVERAGE.set(ratio, chain=chain)


def apply(holding: Holding, observations: Observations) -> bool:
    """Write the changes that these observations cause; returns whether there were any."""
    rows, changed = judge(holding, observations, resources.clock().now())
    if not changed and list(holding.funds) == rows:
        return False
    commit(_write, holding, observations)
    return True


def _write(unit: UnitOfWork, holding: Holding, observations: Observations) -> None:
    place = holding.address, holding.chain
    rows, own = unit.read(
        supplies.funds_below([place]), supplies.by_ids([supply.id for supply in holding.supplies])
    )
    rows, changed = judge(replace(holding, funds=rows, supplies=own), observations, unit.now)
    unit.write(*rows)
    for before, after in changed:
        unit.write(after)
        emit_supply(unit, before, after)
