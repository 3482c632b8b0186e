"""A supply's ledger in pages, newest first, and its balances at a given time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from shared.domain.desk.ledger import Account, LedgerEntry, balances
from shared.domain.desk.supplies import Supply
from shared.store.session import Session
from shared.store.tables.supplies import LEDGER

CLOCKS = timedelta(minutes=5)  # the clocks of the processes that write lines differ by less
CHUNK = 100  # versions of a supply per read; each has at most two lines
Position = tuple[int, int]  # (supply_version, ord); the next page starts below it


def page(
    session: Session, supply: Supply, *, below: Position | None, limit: int, until: datetime | None
) -> tuple[list[LedgerEntry], Position | None]:
    """Lines up to a time, newest first, and the position where the next page starts."""
    lines: list[LedgerEntry] = []
    for line in _backwards(session, supply, below, until):
        if until is not None and line.created_at > until:
            continue
        if len(lines) == limit:
            return lines, (lines[-1].supply_version, lines[-1].ord)
        lines.append(line)
    return lines, None


def balances_at(session: Session, supply: Supply, moment: datetime) -> dict[Account, int]:
    """The four accounts at a time, in base units. The newest line of each account until then holds its balance."""
    state = balances(None)
    missing = set(state)
    for line in _backwards(session, supply, None, moment):
        if line.created_at <= moment and line.account in missing:
            state[line.account] = line.balance_after
            missing.discard(line.account)
        if len(missing) <= 1:
            break
    if len(missing) == 1:  # the four sum to zero
        (last,) = missing
        state[last] = -sum(amount for account, amount in state.items() if account != last)
    return state


def _backwards(
    session: Session, supply: Supply, below: Position | None, until: datetime | None
) -> Iterator[LedgerEntry]:
    """The lines up to about a time, newest first. Versions are dense, so reading them in chunks finds lines quickly."""
    top = supply.version if below is None else below[0]
    if until is not None and below is None:
        top = _version_at(session, supply, until)
    while top > 0:
        bottom = max(0, top - CHUNK)
        lines = session.many(LEDGER.scan(supply.id, after=(bottom,), upto=(top,)))
        for line in reversed(lines):
            if below is None or (line.supply_version, line.ord) < below:
                yield line
        top = bottom


def _version_at(session: Session, supply: Supply, moment: datetime) -> int:
    """A version after which all lines are later than this time. It is searched by halves, because the lines are in the
    order of time: a long ledger would otherwise be read to the end for an early time."""
    low, high = 0, supply.version
    while high - low > CHUNK:
        middle = (low + high) // 2
        following = session.many(LEDGER.scan(supply.id, after=(middle,), upto=(high,), limit=1))
        if following and following[0].created_at <= moment + CLOCKS:
            low = middle
        else:
            high = middle
    return high
