"""Check again the balances behind live supplies: a shortfall pauses supplies, enough balance resumes them.

Each run begins at a random place of every shard, so that all addresses get their turn even if one run cannot check
them all.
"""

from __future__ import annotations

import logging
import secrets
from collections import defaultdict
from collections.abc import Iterable

from shared import resources
from shared.chain.balances import Balances
from shared.desk import coverage
from shared.desk.coverage import Holding
from shared.domain.desk.funds import Funds
from shared.domain.desk.supplies import Supply
from shared.runtime.operation import schedule
from shared.store.session import Session
from shared.store.tables import supplies

_log = logging.getLogger(__name__)
BATCH = 50  # addresses of each shard in one run


@schedule(seconds=5, needs=("chain",), publishes=("supply-events",))
def watch_balances() -> None:
    session = Session(resources.database().snapshot(staleness=5))
    changed, holdings = 0, _holdings(session, _addresses(session))
    coverage.measure(holdings)
    for chain in sorted({holding.chain for holding in holdings}):
        try:
            client = resources.chain(chain)
            block = client.confirmed_number()
        except Exception:
            _log.warning("a chain was not observed", exc_info=True, extra={"chain": chain})
            continue
        changed += sum(_check(holding, block) for holding in holdings if holding.chain == chain)
    if changed:
        _log.info("balances changed", extra={"addresses": changed, "of": len(holdings)})


def _addresses(session: Session) -> set[tuple[str, str]]:
    """The (address, chain) pairs to check in this run."""
    start = "0x" + secrets.token_hex(20)
    shards = range(supplies.WATCH_SHARDS)
    index = supplies.FUNDS_WATCHED
    behind = session.read_all([index.scan(shard, after=(start,), limit=BATCH) for shard in shards])
    before = session.read_all([index.scan(shard, upto=(start,), limit=BATCH) for shard in shards])
    addresses: set[tuple[str, str]] = set()
    for first, second in zip(behind, before, strict=True):
        addresses |= {(entry["address"], entry["chain"]) for entry in [*first, *second][:BATCH]}
    return addresses


def _holdings(session: Session, places: Iterable[tuple[str, str]]) -> list[Holding]:
    ordered = sorted(places)
    if not ordered:
        return []
    rows, entries = session.read(supplies.funds_below(ordered), supplies.live_below(ordered))
    live = session.many(supplies.by_ids([entry["supply_id"] for entry in entries])) if entries else []
    own: dict[tuple[str, str], list[Supply]] = defaultdict(list)
    funds: dict[tuple[str, str], list[Funds]] = defaultdict(list)
    for supply in live:
        own[supply.address, supply.chain].append(supply)
    for row in rows:
        funds[row.address, row.chain].append(row)
    return [Holding(chain, address, funds[address, chain], own[address, chain]) for address, chain in ordered]


def _check(holding: Holding, block: int) -> bool:
    """Observe and apply the balances of one address; returns whether anything changed. A failure must not stop the
    other addresses."""
    try:
        return coverage.apply(
            holding, [(asset, _observe(holding, asset, block)) for asset in _assets(holding)]
        )
    except Exception:
        _log.warning("an address was not observed", exc_info=True, extra={"chain": holding.chain})
        return False


def _assets(holding: Holding) -> list[str]:
    """The token addresses of the assets that supplies commit; "" for the native coin."""
    return [row.token_address for row in holding.funds if row.supplies]


def _observe(holding: Holding, token_address: str, block: int) -> Balances:
    from shared.funds.balances import held_by

    client = resources.chain(holding.chain)
    return held_by(client, holding.address, token_address or None, max(0, block))
