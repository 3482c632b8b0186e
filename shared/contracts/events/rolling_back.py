"""Roll the index back, when a reorganisation has removed blocks.

A removed block may hold more rows than fit in one commit. The first commit puts the index below the block and marks the
block; the following ones delete its rows in slices, and the last one the block itself. A pass finishes marked blocks
before anything else: until then nothing above the index becomes final, and no block is stored at the same height.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from shared import resources
from shared.chain import block_scan
from shared.chain.client import ChainClient
from shared.chain.errors import Lagging
from shared.contracts.events import factories, notices
from shared.domain.contracts.events import ChainIndex, IndexedBlock
from shared.store.session import Session
from shared.store.tables.contract_events import BLOCKS, CHAIN_INDEXES, DEPOSITS, EVENTS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

COMPARED_AT_ONCE: Final = 20  # blocks in one exchange


class Moved(Exception):
    """Another run has moved the index; this run must end."""


class Forked(Exception):
    """The chain differs from the indexed one further back than the index can be rolled back."""


def require_unmoved(unit: UnitOfWork, index: ChainIndex) -> ChainIndex:
    """The index as this commit reads it. Raises Moved if it has changed since `index` was read."""
    current = unit.one(CHAIN_INDEXES.get(index.chain))
    if current.version != index.version:
        raise Moved
    return current


def finish(index: ChainIndex) -> ChainIndex:
    """Delete the remaining rows of blocks that an earlier run has begun to delete. Raises Moved."""
    above = Session(resources.database().snapshot()).many(BLOCKS.scan(index.chain, after=(index.number,)))
    for block in reversed(above):
        if block.taken_back:
            index = take_back(index, block)
    return index


def roll_back(client: ChainClient, index: ChainIndex) -> ChainIndex:
    """Roll the index back to the newest block that is still canonical, from the newest block down.

    Raises Moved, Lagging while no quorum has the blocks, Forked if none of the kept blocks is canonical any more."""
    stored = Session(resources.database().snapshot()).many(BLOCKS.scan(index.chain))
    kept = [one for one in stored if one.number <= index.number]
    parts = stored[len(kept) :]  # of a large block above the index
    while kept:
        some = kept[-COMPARED_AT_ONCE:]
        canonical = block_scan.hashes(client, [one.number for one in some])
        if None in canonical:
            raise Lagging("no quorum has the blocks that are compared")
        there = [one for one, found in zip(some, canonical, strict=True) if one.hash == found]
        if not there and len(kept) == len(some):
            raise Forked
        lowest = there[-1].number if there else some[0].number - 1
        while parts and kept[-1].number > lowest:
            index = take_back(index, parts.pop())
        while kept[-1].number > lowest:
            gone = kept.pop()
            index = take_back(index, gone, kept[-1])
        if there:
            return index
    raise Forked


def take_back(index: ChainIndex, gone: IndexedBlock, below: IndexedBlock | None = None) -> ChainIndex:
    """Delete a block with all of its rows, in as many commits as they need; the index moves to the block `below`.
    Raises Moved."""
    done = False
    while not done:
        index, done = commit(_take_back, index, gone, below)
    return index


def _take_back(
    unit: UnitOfWork, index: ChainIndex, gone: IndexedBlock, below: IndexedBlock | None
) -> tuple[ChainIndex, bool]:
    """Announce and delete some of a block's rows; returns also whether none is left."""
    current = require_unmoved(unit, index)
    stored = unit.many(BLOCKS.get_many([(gone.chain, gone.number)]))
    done = notices.take_back(unit, gone) and _delete_rows(unit, gone)
    if done:
        unit.delete(*stored)
    else:
        unit.write(*(replace(one, taken_back=True) for one in stored))
    if below is not None and current.number > below.number:
        final = min(current.final_number, below.number)
        after = current.moved(below.number, below.hash, unit.now, final=final)
    else:
        after = replace(current, version=current.version + 1, updated_at=unit.now)
    unit.write(after)
    return after, done


def _delete_rows(unit: UnitOfWork, gone: IndexedBlock) -> bool:
    """Delete some events and deposits of a block, and the contracts that only these events announced. Returns whether
    none is left."""
    most = factories.EVENTS_AT_ONCE
    events, deposits = unit.read(
        EVENTS.scan(gone.chain, gone.hash, limit=most + 1),
        DEPOSITS.scan(gone.chain, gone.hash, limit=most + 1),
    )
    some = events[: factories.at_once(unit, gone.chain, events)]
    received = deposits[: most - len(some)]
    unit.delete(*some, *received)
    factories.unfollow_announced(unit, gone.chain, some)
    return len(some) == len(events) and len(received) == len(deposits)
