"""Find differences between supplies and their ledgers, commitments and supplies, commitments and balances on chain."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from schemas.reconciliation import Difference
from shared import resources
from shared.chain.errors import ChainError
from shared.domain.desk import funds, ledger
from shared.domain.desk.funds import Funds
from shared.domain.desk.ledger import LedgerEntry
from shared.domain.desk.supplies import Supply
from shared.store.session import Session
from shared.store.tables import supplies
from shared.store.tables.supplies import LEDGER

_log = logging.getLogger(__name__)
Place = tuple[str, str]  # address, chain
Asset = tuple[str, str, str]  # (address, chain, token address or "")


def ledgers(session: Session, page: Sequence[Supply]) -> Iterator[Difference]:
    """Compare each supply with the lines of its ledger."""
    lines: dict[str, list[LedgerEntry]] = defaultdict(list)
    if page:
        for line in session.many(LEDGER.below([(supply.id,) for supply in page])):
            lines[line.supply_id].append(line)
    for supply in page:
        written = [line for line in lines[supply.id] if line.supply_version <= supply.version]
        for problem in ledger.verify(supply, written):
            yield Difference(kind="ledger", subject=supply.id, message=problem)


def addresses(session: Session, places: Sequence[Place]) -> list[Difference]:
    """Compare the commitments of each address with its live supplies, and with its balance on chain.

    Rows may change during the comparison, so a difference counts only if it is found the same a second time."""
    first = list(_addresses(session, places))
    if not first:
        return []
    again = list(_addresses(session, places))
    return [difference for difference in first if difference in again]


def _addresses(session: Session, places: Sequence[Place]) -> Iterator[Difference]:
    if not places:
        return
    rows, entries = session.read(supplies.funds_below(places), supplies.live_below(places))
    live = session.many(supplies.by_ids([entry["supply_id"] for entry in entries])) if entries else []
    own: dict[Asset, list[Supply]] = defaultdict(list)
    for supply in live:
        own[supply.address, supply.chain, supply.token_address or ""].append(supply)
    for row in [*rows, *_missing(rows, own)]:
        yield from _promises(row, own[row.address, row.chain, row.token_address])
        yield from _on_chain(row)


def _missing(rows: Sequence[Funds], own: Iterable[Asset]) -> list[Funds]:
    """Rows that live supplies should have but lack; they are treated as rows without commitments."""
    there = {(row.address, row.chain, row.token_address) for row in rows}
    now = resources.clock().now()
    return [
        funds.empty(chain, address, token, now)
        for address, chain, token in own
        if (address, chain, token) not in there
    ]


def _promises(row: Funds, own: Sequence[Supply]) -> Iterator[Difference]:
    """Compare a row's commitments with its supplies. Unfinished transactions explain commitments beyond the supplies,
    but never more than the amount in flight."""
    promised = sum(funds.commitment(supply) for supply in own)
    if promised <= row.committed <= promised + row.in_flight:
        return
    message = "the committed amount is not that of the supplies and the unfinished transactions"
    yield Difference(
        kind="funds", subject=_name(row), message=message, expected=str(promised), found=str(row.committed)
    )


def _on_chain(row: Funds) -> Iterator[Difference]:
    """Compare a row with the balance. A payment may arrive before its row is updated, so the amount in flight counts
    as present."""
    from shared.funds.balances import held_by

    try:
        observed = held_by(resources.chain(row.chain), row.address, row.token_address or None)
    except ChainError as error:
        _log.warning("not compared", extra={"chain": row.chain, "error": type(error).__name__})
        yield Difference(kind="chain", subject=_name(row), message="the chain did not answer")
        return
    there = observed.coin if not row.token_address else observed.token or 0
    if there + row.in_flight < row.committed:
        yield Difference(
            kind="chain",
            subject=_name(row),
            message="the address holds less than is committed",
            expected=str(row.committed),
            found=str(there),
        )


def _name(row: Funds) -> str:
    return f"{row.chain}:{row.address}:{row.token_address or 'native'}"
