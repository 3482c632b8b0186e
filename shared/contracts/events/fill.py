"""Work for single addresses in addition to new blocks: start to index them, fill in earlier blocks, delete their
events.

Earlier blocks are filled in by ranges, for several addresses at once if their filling has the same progress. A range
that nodes refuse is halved. A block whose hash is still kept must equal the indexed block.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from shared import resources
from shared.chain import block_scan
from shared.chain.block_scan import MAX_ADDRESSES, SourceLog
from shared.chain.client import ChainClient
from shared.chain.errors import Lagging, NoQuorum, TooMuch, Unreachable
from shared.contracts.events import factories
from shared.contracts.events.live import event_of, limited, store_new
from shared.contracts.events.rolling_back import require_unmoved
from shared.domain.contracts import follows as rules
from shared.domain.contracts.events import ChainIndex, ContractEvent
from shared.domain.contracts.follows import Fault, FollowedAddress
from shared.store.session import Session
from shared.store.tables.contract_events import (
    BLOCKS,
    EVENTS,
    EVENTS_BY_PLACE,
    FOLLOWED,
    FOLLOWED_WORK,
    at_addresses,
)
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

MAX_RANGE: Final = 2_000  # blocks of one range
DROPPED_AT_ONCE: Final = 500


class Disagree(Exception):
    """A range contains blocks that differ from the indexed ones."""


@dataclass
class Stretches:
    """The length of the next range of each chain: halved after a refusal, doubled after an answer.
    It is only a hint, kept in this process."""

    lengths: dict[str, int]

    def __init__(self) -> None:
        self.lengths = defaultdict(lambda: MAX_RANGE)

    def shorter(self, chain: str, by: int) -> None:
        self.lengths[chain] = max(1, by // 2)

    def longer(self, chain: str) -> None:
        self.lengths[chain] = min(MAX_RANGE, 2 * self.lengths[chain])


def begin(index: ChainIndex) -> ChainIndex:
    """Start to index new addresses from the next block on. Raises Moved."""
    session = Session(resources.database().snapshot())
    entries = session.one(FOLLOWED_WORK.scan(index.chain, "new", limit=MAX_ADDRESSES))
    return commit(_begin, index, [one["address"] for one in entries]) if entries else index


def _begin(unit: UnitOfWork, index: ChainIndex, addresses: Sequence[str]) -> ChainIndex:
    current = require_unmoved(unit, index)
    for address in unit.many(at_addresses(index.chain, addresses)):
        if address.work == "new":
            unit.write(rules.made_live(address, current.number))
    after = replace(current, version=current.version + 1, updated_at=unit.now)
    unit.write(after)
    return after


def drop(index: ChainIndex) -> ChainIndex:
    """Delete some events of an address that nobody follows any more, and at the end the address itself. Raises
    Moved."""
    session = Session(resources.database().snapshot())
    for entry in session.one(FOLLOWED_WORK.scan(index.chain, "drop", limit=1)):
        return commit(_drop, index, str(entry["address"]))
    return index


def _drop(unit: UnitOfWork, index: ChainIndex, address: str) -> ChainIndex:
    current = require_unmoved(unit, index)
    known = unit.maybe(FOLLOWED.find(index.chain, address))
    if known is None or known.work != "drop":
        return current
    entries = unit.one(EVENTS_BY_PLACE.scan(address, index.chain, limit=DROPPED_AT_ONCE))
    unit.delete(*unit.follow(EVENTS, entries))
    if entries:
        unit.write(replace(known, live=False))
    else:
        unit.delete(known)
    after = replace(current, version=current.version + 1, updated_at=unit.now)
    unit.write(after)
    return after


def fill(client: ChainClient, index: ChainIndex) -> bool:
    """Fill one range; returns whether more can be filled at once. Raises Moved, ChainError."""
    group = _group(index)
    if not group:
        return False
    low = group[0].filled_to + 1
    high = min(index.number, *(one.fill_until for one in group))
    lengths = resources.memory(Stretches)
    if low > high:
        commit(_filled, index, group, (), (high, None))
        return True
    high = min(high, low + lengths.lengths[index.chain] - 1)
    addresses = [one.address for one in group]
    refused: list[str] = []
    try:
        logs, last_hash = _read(client, addresses, low, high)
        lengths.longer(index.chain)
    except TooMuch:
        lengths.shorter(index.chain, high - low + 1)
        if high > low:
            return True
        logs, refused, last_hash = _fill_single_block(client, addresses, low)
    except (Lagging, NoQuorum) as error:
        _record_fault(index, group, "pruned" if isinstance(error, Lagging) else "disagree")
        return group[0].work == "fill"
    except Unreachable:  # the request may have taken too long
        lengths.shorter(index.chain, high - low + 1)
        raise
    _store(index, group, logs, (high, last_hash), refused)
    return True


def _group(index: ChainIndex) -> list[FollowedAddress]:
    """Addresses whose filling has the same progress; if there are none, one address whose filling has failed."""
    session = Session(resources.database().snapshot())
    entries = session.one(FOLLOWED_WORK.scan(index.chain, "fill", limit=MAX_ADDRESSES))
    if not entries:
        waiting = session.one(FOLLOWED_WORK.scan(index.chain, "held", limit=MAX_ADDRESSES))
        entries = [secrets.choice(waiting)] if waiting else []
    rows = session.many(at_addresses(index.chain, [one["address"] for one in entries])) if entries else []
    lowest = min((one.filled_to for one in rows), default=0)
    return [one for one in rows if one.filled_to == lowest and one.live]


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
    group: Sequence[FollowedAddress],
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
        _record_fault(index, group, "disagree")


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
    group: Sequence[FollowedAddress],
    refused: Sequence[str],
    end: tuple[int, str | None],
) -> None:
    current, (high, last_hash) = require_unmoved(unit, index), end
    if last_hash is not None:
        _require_same(unit, index.chain, [(high, last_hash)])
    for known in unit.many(at_addresses(index.chain, [one.address for one in group])):
        if known.work in ("fill", "held") and known.filled_to == group[0].filled_to:
            complete = high >= min(known.fill_until, current.number)
            after = rules.filled(known, max(high, known.filled_to), complete=complete)
            gap = high if known.address in refused and known.gap_block is None else known.gap_block
            unit.write(replace(after, gap_block=gap))


def _record_fault(index: ChainIndex, group: Sequence[FollowedAddress], fault: Fault) -> None:
    if any((one.work, one.fault) != ("held", fault) for one in group):
        commit(_record_fault_of, index, group, fault)


def _record_fault_of(
    unit: UnitOfWork, index: ChainIndex, group: Sequence[FollowedAddress], fault: Fault
) -> None:
    for known in unit.many(at_addresses(index.chain, [one.address for one in group])):
        if known.work in ("fill", "held"):
            unit.write(rules.filling_failed(known, fault))
