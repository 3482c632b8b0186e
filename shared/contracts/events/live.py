"""Index new blocks.

Blocks are committed in parts, together with the position of the index, so each block is stored once. Every commit
compares the version of the index: of several concurrent runs, one continues and the others end. The followed
addresses are read after that version, so no address that was followed in time is missed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeVar

from shared import resources
from shared.chain import block_scan
from shared.chain.block_scan import MAX_ADDRESSES, SourceBlock, SourceLog
from shared.chain.client import ChainClient
from shared.chain.errors import NoQuorum, TooMuch
from shared.contracts.events import deposits, factories, notices, rolling_back
from shared.contracts.events.rolling_back import Moved, require_unmoved, roll_back
from shared.domain.contracts.events import (
    MAX_PER_BLOCK,
    ChainIndex,
    ContractEvent,
    Deposit,
    IndexedBlock,
    IndexFault,
    new_event,
    oldest_kept,
)
from shared.domain.contracts.follows import FollowedAddress
from shared.store.port import StoreTransaction
from shared.store.session import Session
from shared.store.table import Table
from shared.store.tables.contract_events import (
    BLOCKS,
    CHAIN_INDEXES,
    DEPOSITS,
    EVENTS,
    FOLLOWED,
    NOTICES,
    at_addresses,
    notices_of,
)
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

T = TypeVar("T", ContractEvent, Deposit)
BLOCKS_AT_ONCE: Final = 20  # blocks that are read before a commit
PRUNED_AT_ONCE: Final = 100


class Replaced(Exception):
    """Other blocks are stored at the heights of new ones: their rows must be deleted first."""

    def __init__(self, blocks: Sequence[IndexedBlock]) -> None:
        super().__init__(f"{len(blocks)} blocks")
        self.blocks = blocks


@dataclass(frozen=True, slots=True)
class Found:
    """The followed events and deposits in some consecutive blocks."""

    blocks: tuple[SourceBlock, ...]
    events: tuple[ContractEvent, ...]
    deposits: tuple[Deposit, ...]
    gaps: tuple[tuple[str, int], ...] = ()  # (address, height) for which no node returns logs


def read_index(chain: str) -> ChainIndex | None:
    """The stored index of a chain; None if it was never started."""
    return Session(resources.database().snapshot()).maybe(CHAIN_INDEXES.find(chain))


def open_index(client: ChainClient) -> ChainIndex | None:
    """The index of a chain. A new one starts at the newest final block; None while no quorum has that block."""
    there = read_index(client.spec.name)
    if there is not None:
        return there
    head, final = block_scan.heights(client)
    number = max(0, final)
    (found,) = block_scan.hashes(client, [number])
    if found is None:
        return None
    now = resources.clock().now()
    made = ChainIndex(client.spec.name, number, found, number, number, head, None, 1, now)
    return commit(_begin, made)


def _begin(unit: UnitOfWork, made: ChainIndex) -> ChainIndex:
    there = unit.maybe(CHAIN_INDEXES.find(made.chain))
    if there is None:
        unit.write(made, IndexedBlock(made.chain, made.number, made.hash))
    return there or made


def step(client: ChainClient, index: ChainIndex, head: int, final: int) -> ChainIndex:
    """Index the next blocks, or roll back removed ones; returns the index afterwards. Raises Moved, Forked,
    ChainError."""
    numbers = range(index.number + 1, min(head, index.number + BLOCKS_AT_ONCE) + 1)
    if not numbers:
        (now_there,) = block_scan.hashes(client, [index.number])
        return roll_back(client, index) if now_there not in (None, index.hash) else index
    blocks = block_scan.blocks(client, numbers)
    if not blocks:
        raise NoQuorum("no quorum gives the next block")
    if blocks[0].parent_hash != index.hash:
        return roll_back(client, index)
    found = _scan_blocks(client, index, blocks)
    session = Session(resources.database().snapshot())
    for part in _commit_parts(found, factories.at_once(session, index.chain, found.events)):
        quiet = not (part.events or part.deposits or part.gaps)
        moved = _skip_quiet_blocks(index, part, head, final) if quiet else None
        index = moved or _store_part(index, part, head, final)
    return index


def _store_part(index: ChainIndex, found: Found, head: int, final: int) -> ChainIndex:
    """Store a part, after the rows of other blocks at the same heights have been deleted."""
    while True:
        try:
            return commit(_advance, index, found, head, final)
        except Replaced as replaced:
            for block in replaced.blocks:
                index = rolling_back.take_back(index, block)


def _scan_blocks(client: ChainClient, index: ChainIndex, blocks: Sequence[SourceBlock]) -> Found:
    """Find the followed events and deposits in the blocks. The cost grows with the blocks, not with the follows."""
    session = Session(resources.database().snapshot())
    some = session.many(FOLLOWED.scan(index.chain, limit=MAX_ADDRESSES + 1))
    tokens = [token.address.lower() for token in client.spec.tokens]
    few = (
        sorted({one.address for one in some if one.live} | set(tokens))
        if len(some) <= MAX_ADDRESSES
        else None
    )
    gaps: tuple[tuple[str, int], ...] = ()
    try:
        logs = block_scan.logs_of(client, [block.hash for block in blocks], few)
    except TooMuch:  # a single block is too large: index only that block, address by address
        blocks = blocks[:1]
        addresses = few if few is not None else sorted({*_all_followed(session, index.chain), *tokens})
        entries, refused = _logs_by_address(client, blocks[0].hash, addresses)
        logs, gaps = [tuple(entries)], tuple((address, blocks[0].number) for address in refused)
    mine = _followed(session, index.chain, few, some, logs)
    kept = [
        event_of(index.chain, log)
        for entries in logs
        for log in limited(one for one in entries if one.address in mine)
    ]
    return Found(tuple(blocks), tuple(kept), tuple(deposits.of(client, session, blocks, logs)), gaps)


def _logs_by_address(
    client: ChainClient, block_hash: str, addresses: Sequence[str]
) -> tuple[list[SourceLog], list[str]]:
    logs: list[SourceLog] = []
    refused: list[str] = []
    for at in range(0, len(addresses), MAX_ADDRESSES):
        some, not_given = block_scan.logs_of_each(client, block_hash, addresses[at : at + MAX_ADDRESSES])
        logs, refused = logs + some, refused + not_given
    return sorted(logs, key=lambda log: log.index), refused


def _all_followed(session: Session, chain: str) -> list[str]:
    return [one.address for one in session.many(FOLLOWED.scan(chain)) if one.live]


def _followed(
    session: Session,
    chain: str,
    few: Sequence[str] | None,
    some: list[FollowedAddress],
    logs: Iterable[Sequence[SourceLog]],
) -> set[str]:
    """The followed addresses among those of the logs."""
    if few is None:
        there = sorted({log.address for entries in logs for log in entries})
        some = session.many(at_addresses(chain, there)) if there else []
    return {one.address for one in some if one.live}


def event_of(chain: str, log: SourceLog) -> ContractEvent:
    return new_event(
        chain,
        IndexedBlock(chain, log.block_number, log.block_hash),
        index=log.index,
        address=log.address,
        transaction_hash=log.transaction_hash,
        topics=log.topics,
        data=log.data,
    )


def limited(logs: Iterable[SourceLog]) -> Iterable[SourceLog]:
    """The logs of a block, limited to MAX_PER_BLOCK per contract."""
    seen: Counter[str] = Counter()
    for log in logs:
        seen[log.address] += 1
        if seen[log.address] <= MAX_PER_BLOCK:
            yield log


def _commit_parts(found: Found, most: int) -> Iterable[Found]:
    """Split into parts of at most `most` events and deposits, which fit in one commit. A part covers several blocks
    with few of them, or a portion of one large block."""
    blocks: list[SourceBlock] = []
    rows: list[ContractEvent | Deposit] = []
    own: dict[str, list[ContractEvent | Deposit]] = {}
    everything: list[ContractEvent | Deposit] = [*found.events, *found.deposits]
    for one in everything:
        own.setdefault(one.block_hash, []).append(one)
    for block in found.blocks:
        here = own.get(block.hash, [])
        if blocks and len(rows) + len(here) > most:
            yield _part_of(found, blocks, rows)
            blocks, rows = [], []
        while len(here) > most:  # the index stays before the block until the block's last part
            yield _part_of(found, (), here[:most])
            here = here[most:]
        blocks.append(block)
        rows += here
    if blocks:
        yield _part_of(found, blocks, rows)


def _part_of(found: Found, blocks: Sequence[SourceBlock], rows: Sequence[ContractEvent | Deposit]) -> Found:
    numbers = {block.number for block in blocks}
    return Found(
        tuple(blocks),
        tuple(one for one in rows if isinstance(one, ContractEvent)),
        tuple(one for one in rows if isinstance(one, Deposit)),
        tuple(gap for gap in found.gaps if gap[1] in numbers),
    )


def _skip_quiet_blocks(index: ChainIndex, found: Found, head: int, final: int) -> ChainIndex | None:
    """Move the index over blocks without followed events or deposits. Only its position changes, so nothing is
    audited.

    Returns None if rows of removed blocks must be deleted first. Raises Moved.
    """
    now = resources.clock().now()
    after, kept = _index_after(index, found, head, final, now)

    def body(transaction: StoreTransaction) -> ChainIndex | None:
        session = Session(transaction)
        current, there = session.read(
            CHAIN_INDEXES.get(index.chain), BLOCKS.scan(index.chain, after=(index.number,), limit=1)
        )
        if current.version != index.version:
            raise Moved
        if there:
            return None
        transaction.buffer(
            [CHAIN_INDEXES.update(current, after), *(BLOCKS.write("insert", one) for one in kept)]
        )
        return after

    moved, _ = resources.database().transact(body)
    return moved


def _index_after(
    index: ChainIndex, found: Found, head: int, final: int, now: datetime
) -> tuple[ChainIndex, list[IndexedBlock]]:
    """The index after these blocks, and the blocks whose hashes must be kept."""
    last = found.blocks[-1]
    lowest = oldest_kept(last.number, final)
    kept = [IndexedBlock(index.chain, one.number, one.hash) for one in found.blocks if one.number >= lowest]
    return index.moved(last.number, last.hash, now, head=head, final=final), kept


def _advance(unit: UnitOfWork, index: ChainIndex, found: Found, head: int, final: int) -> ChainIndex:
    """Store events, deposits, notices and the position of the index in one commit."""
    current = require_unmoved(unit, index)
    if found.blocks:
        after, kept = _index_after(current, found, head, final, unit.now)
    else:
        first = (found.events or found.deposits)[0]
        after = replace(current, version=current.version + 1, updated_at=unit.now)
        kept = [IndexedBlock(index.chain, first.block_number, first.block_hash)]
    _store_blocks(unit, kept)
    store_new(unit, EVENTS, found.events)
    # Also for events that an earlier run has stored before it ended within this block: since then, somebody may have
    # followed their contract, or made it a factory.
    notices.note(unit, index.chain, found.events, store_new(unit, DEPOSITS, found.deposits))
    factories.follow_announced(unit, index.chain, found.events)
    for address, number in found.gaps:
        _gap(unit, index.chain, address, number)
    unit.write(after)
    return after


def _store_blocks(unit: UnitOfWork, blocks: Sequence[IndexedBlock]) -> None:
    """Store the blocks. Raises Replaced if rows of other blocks at the same heights are still stored."""
    if not blocks:
        return
    hashes = {one.number: one.hash for one in blocks}
    known = unit.many(BLOCKS.get_many((one.chain, one.number) for one in blocks))
    gone = [one for one in known if one.taken_back or one.hash != hashes[one.number]]
    if gone:
        raise Replaced(gone)
    unit.write(*blocks)


def store_new(unit: UnitOfWork, table: Table[T], rows: Sequence[T]) -> list[T]:
    """Insert the rows that are not stored yet, and return them."""
    if not rows:
        return []
    known = unit.many(table.get_many(map(table.key_of, rows)))
    there = {table.key_of(one) for one in known}
    fresh = [one for one in rows if table.key_of(one) not in there]
    unit.write(*fresh)
    return fresh


def _gap(unit: UnitOfWork, chain: str, address: str, number: int) -> None:
    followed = unit.maybe(FOLLOWED.find(chain, address))
    if followed is not None and followed.gap_block is None:
        unit.write(replace(followed, gap_block=number))


def prune(index: ChainIndex) -> None:
    """Delete the hashes of final blocks and their announced notices, many at a time."""
    lowest = oldest_kept(index.number, index.final_number)
    below = BLOCKS.scan(index.chain, upto=(lowest - 1,), limit=PRUNED_AT_ONCE)
    if lowest < 1 or len(Session(resources.database().snapshot()).many(below)) < PRUNED_AT_ONCE:
        return

    def body(transaction: StoreTransaction) -> None:
        session = Session(transaction)
        old = session.many(below)
        notices = session.many(notices_of(index.chain, [one.hash for one in old])) if old else []
        transaction.buffer([BLOCKS.delete(one) for one in old])
        transaction.buffer([NOTICES.delete(one) for one in notices if one.announced])

    resources.database().transact(body)


def record_fault(index: ChainIndex, fault: IndexFault) -> None:
    """Store why the index makes no progress. Raises Moved."""
    if index.fault != fault:
        commit(_record_fault, index, fault)


def _record_fault(unit: UnitOfWork, index: ChainIndex, fault: IndexFault) -> None:
    current = require_unmoved(unit, index)
    unit.write(replace(current, fault=fault, version=current.version + 1, updated_at=unit.now))
