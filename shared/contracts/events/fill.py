"""Fill in earlier blocks, for each follow and by ranges.

The accounts have turns of one range each, so that none waits for another's follows, however many they are. A range
serves several follows of the account whose filling has the same progress. A range that nodes refuse, or that has very
many events, is halved. A block whose hash is still kept must equal the indexed block.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from shared import resources
from shared.chain import block_scan
from shared.chain.block_scan import SourceLog
from shared.chain.client import ChainClient
from shared.chain.errors import Lagging, NoQuorum, TooMuch, Unreachable
from shared.contracts.events import factories
from shared.contracts.events.live import event_of, limited, store_new
from shared.contracts.events.rolling_back import require_unmoved
from shared.contracts.events.turns import Turns, count, may_fill, next_account
from shared.domain.contracts import follows as rules
from shared.domain.contracts.events import ChainIndex, ContractEvent
from shared.domain.contracts.follows import Fault, Filling, Follow
from shared.store.session import Session
from shared.store.tables.contract_events import (
    BLOCKS,
    EVENTS,
    FOLLOWS,
    at_addresses,
)
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

# Events in one range: the account's next one is shorter, so that its turns take no longer.
MANY_EVENTS: Final = 2_000


class Disagree(Exception):
    """A range contains blocks that differ from the indexed ones."""


def fill(client: ChainClient, index: ChainIndex, work: Filling = "fill") -> bool:
    """Fill one range of the next account; returns whether any account has a range. With `held`, try again what failed.

    Raises Moved, ChainError."""
    group = _group(index, work)
    if not group:
        return False
    first, turns = group[0], resources.memory(Turns)
    if not may_fill(first.user_id):
        return True
    low = _filled_to(first) + 1
    high = min(index.number, *(one.fill_until or 0 for one in group))
    if low > high:
        commit(_filled, index, group, (), (high, None))
        return True
    high = min(high, low + turns.lengths[index.chain, first.user_id] - 1)
    addresses = sorted({one.address for one in group})
    refused: list[str] = []
    try:
        logs, last_hash = _read(client, addresses, low, high)
        turns.shorter(first, high - low + 1) if len(logs) > MANY_EVENTS else turns.longer(first)
    except TooMuch:
        turns.shorter(first, high - low + 1)
        if high > low:
            return True
        logs, refused, last_hash = _fill_single_block(client, addresses, low)
    except (Lagging, NoQuorum) as error:
        _record_fault(group, "pruned" if isinstance(error, Lagging) else "disagree")
        return True
    except Unreachable:  # the request may have taken too long
        turns.shorter(first, high - low + 1)
        raise
    count(first.user_id, len(logs))
    _store(index, group, logs, (high, last_hash), refused)
    return True


def _group(index: ChainIndex, work: Filling) -> list[Follow]:
    """The follows of the next account whose filling has the same progress; of failed ones, only one."""
    session = Session(resources.database().snapshot())
    own = next_account(session, index.chain, work)
    if own and work == "held":
        own = [secrets.choice(own)]
    rows = [one for one in session.follow(FOLLOWS, own) if one.work == work]
    lowest = min(map(_filled_to, rows), default=0)
    return [one for one in rows if _filled_to(one) == lowest]


def _filled_to(one: Follow) -> int:
    return one.from_block - 1 if one.filled_to is None else one.filled_to


def _read(client: ChainClient, addresses: Sequence[str], low: int, high: int) -> tuple[list[SourceLog], str]:
    found = block_scan.stretch(client, addresses, low, high)
    by_block: dict[int, list[SourceLog]] = defaultdict(list)
    for log in found.logs:
        if low <= log.block_number <= high and log.address in addresses:
            by_block[log.block_number].append(log)
    return [log for number in sorted(by_block) for log in limited(by_block[number])], found.last_hash


def _fill_single_block(
    client: ChainClient, addresses: Sequence[str], number: int
) -> tuple[list[SourceLog], list[str], str]:
    """The logs of a single block, requested for fewer and fewer addresses at once."""
    (block_hash,) = block_scan.hashes(client, [number])
    if block_hash is None:
        raise Lagging("no quorum has the block")
    logs, refused = block_scan.logs_of_each(client, block_hash, addresses)
    return list(limited(logs)), refused, block_hash


def _store(
    index: ChainIndex,
    group: Sequence[Follow],
    logs: Sequence[SourceLog],
    end: tuple[int, str],
    refused: Sequence[str],
) -> None:
    events = [event_of(index.chain, log) for log in logs]
    try:
        most = factories.at_once(Session(resources.database().snapshot()), index.chain, events)
        for at in range(0, len(events), most):
            commit(_stored, index, events[at : at + most], end)
        commit(_filled, index, group, refused, end)
    except Disagree:
        _record_fault(group, "disagree")


def _stored(
    unit: UnitOfWork, index: ChainIndex, events: Sequence[ContractEvent], end: tuple[int, str]
) -> None:
    require_unmoved(unit, index)
    _require_same(unit, index.chain, [*((one.block_number, one.block_hash) for one in events), end])
    store_new(unit, EVENTS, events)
    factories.follow_announced(
        unit, index.chain, events
    )  # also contracts that existed before the factory's rule


def _require_same(unit: UnitOfWork, chain: str, blocks: Sequence[tuple[int, str]]) -> None:
    """Raises Disagree if one of the blocks was indexed with a different hash."""
    wanted = dict(blocks)
    for known in unit.many(BLOCKS.get_many((chain, number) for number in wanted)):
        if known.hash != wanted[known.number]:
            raise Disagree


def _filled(
    unit: UnitOfWork,
    index: ChainIndex,
    group: Sequence[Follow],
    refused: Sequence[str],
    end: tuple[int, str | None],
) -> None:
    current, (high, last_hash) = require_unmoved(unit, index), end
    if last_hash is not None:
        _require_same(unit, index.chain, [(high, last_hash)])
    follows, rows = unit.read(
        FOLLOWS.get_many((one.id,) for one in group),
        at_addresses(index.chain, sorted({one.address for one in group})),
    )
    addresses = {one.address: one for one in rows}
    for known in follows:
        if known.work is None or _filled_to(known) != _filled_to(group[0]):
            continue
        complete = high >= min(known.fill_until or 0, current.number)
        unit.write(rules.filled(known, max(high, _filled_to(known)), complete=complete))
        address = addresses[known.address]
        if complete:
            address = rules.filled_from(address, known)
        if known.address in refused and address.gap_block is None:
            address = replace(address, gap_block=high)
        addresses[known.address] = address
    unit.write(*(addresses[one.address] for one in rows if addresses[one.address] != one))


def _record_fault(group: Sequence[Follow], fault: Fault) -> None:
    if any((one.work, one.fault) != ("held", fault) for one in group):
        commit(_record_fault_of, group, fault)


def _record_fault_of(unit: UnitOfWork, group: Sequence[Follow], fault: Fault) -> None:
    for known in unit.many(FOLLOWS.get_many((one.id,) for one in group)):
        if known.work is not None:
            unit.write(rules.filling_failed(known, fault))
