"""Announce events and deposits once their block is deep enough, and announce their removal by a reorganisation.

The commit that stores an event or deposit also writes its notice. The commit that writes the announcement to the
outbox also marks the notice, so each is announced once. Events and deposits that a reorganisation removes before they
were deep enough are never announced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Final

from schemas.contract_events import ContractEvents, EventsReorged, LoggedEvent, Received
from shared import resources
from shared.contracts.events import decoding
from shared.contracts.events.due_notices import next_due
from shared.domain.contracts import follows as follow_rules
from shared.domain.contracts.contracts import Contract
from shared.domain.contracts.events import (
    ChainIndex,
    ContractEvent,
    Deposit,
    EventNotice,
    IndexedBlock,
    oldest_kept,
)
from shared.domain.contracts.follows import Follow
from shared.store.partial_rows import without_columns
from shared.store.port import Key
from shared.store.tables.contract_events import (
    EVENTS,
    FOLLOWS,
    FOLLOWS_ANNOUNCED,
    NOTICES,
    deposits_of,
    events_of,
    notice,
)
from shared.store.tables.contracts import CONTRACTS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

TAKEN_AT_ONCE: Final = 64  # notices of a removed block in one commit
MAX_DEPOSITS: Final = 500  # deposits in one commit; also the announced ones of one wallet in one block
MAX_EVENTS: Final = 50  # events of one contract and block in one announcement
MAX_BYTES: Final = 64 * 1024  # of their data in total


def note(unit: UnitOfWork, chain: str, events: Sequence[ContractEvent], deposits: Sequence[Deposit]) -> None:
    """Store who must be notified of these, and at which height."""
    depth = resources.registry().chain(chain).depth
    places = sorted({(one.address, chain) for one in events})
    entries = unit.many(FOLLOWS_ANNOUNCED.below(places)) if places else []
    rows = {
        notice(chain, one.wallet_id, one.user_id, one.block_number + depth - 1, _block(one))
        for one in deposits
    }
    blocks = {(one.address, _block(one)) for one in events}
    for entry in entries:
        for address, block in blocks:
            if address == entry["announced_address"]:
                due = block.number + entry["confirmations"] - 1
                rows.add(notice(chain, entry["id"], entry["user_id"], due, block))
    if rows:
        known = unit.many(NOTICES.get_many(map(NOTICES.key_of, rows)))  # from an earlier part of the block
        there = set(map(NOTICES.key_of, known))
        unit.write(*(one for one in sorted(rows, key=NOTICES.key_of) if NOTICES.key_of(one) not in there))


def _block(one: ContractEvent | Deposit) -> IndexedBlock:
    return IndexedBlock(one.chain, one.block_number, one.block_hash)


def announce(index: ChainIndex) -> bool:
    """Announce some of the notices that are due; returns whether there were any."""
    due = next_due(index)
    if due:
        commit(_announce, index, due)
    return bool(due)


def _announce(unit: UnitOfWork, index: ChainIndex, due: Sequence[Key]) -> None:
    still = [one for one in unit.many(NOTICES.get_many(due)) if not one.announced]
    still.sort(key=attrgetter("block_number", "subject"))  # a follow's announcements are in order
    if not still:
        return
    hashes = sorted({one.block_hash for one in still})
    subjects = sorted({(one.subject,) for one in still})
    events, deposits, follows, contracts = unit.read(
        without_columns(events_of(index.chain, hashes), "data"),  # also those of all other followers
        deposits_of(index.chain, hashes),
        FOLLOWS.get_many(subjects),
        CONTRACTS.get_many(subjects),
    )
    known = {one.id: one for one in follows}
    own = {one.id: one for one in contracts}
    there = {one: _events_of(one, known.get(one.subject), events) for one in still}
    shown = _with_data(unit, [each for found in there.values() for each in _shown(found)])
    lowest, announced = oldest_kept(index.number, index.final_number), 0
    for one in still:
        mine = _of_wallet(deposits, one)
        if announced and announced + len(mine) > MAX_DEPOSITS:
            break  # the next commit continues with this notice
        announced += len(mine)
        if one.block_number < lowest:
            unit.delete(one)
        else:
            unit.write(replace(one, due_shard=None))
        for deposit in mine:
            _announce_deposit(unit, "wallet.received", deposit, index)
        follow = known.get(one.subject)
        if follow is None or one.subject not in own or not there[one]:
            continue
        full = [shown[EVENTS.key_of(each)] for each in _shown(there[one])]
        more = len(there[one]) - len(full)
        known[follow.id] = _announce_events(unit, follow, own[follow.id], (full, more), index)


def _events_of(
    notice: EventNotice, follow: Follow | None, events: Sequence[ContractEvent]
) -> list[ContractEvent]:
    place = (follow.address, notice.block_hash) if follow else None
    return [one for one in events if (one.address, one.block_hash) == place]


def _shown(events: Sequence[ContractEvent]) -> list[ContractEvent]:
    """The events that an announcement contains: MAX_EVENTS, with MAX_BYTES of data in total, and at least one."""
    found: list[ContractEvent] = []
    size = 0
    for one in events[:MAX_EVENTS]:
        size += one.data_bytes
        if found and size > MAX_BYTES:
            break
        found.append(one)
    return found


def _with_data(unit: UnitOfWork, events: Sequence[ContractEvent]) -> dict[Key, ContractEvent]:
    keys = dict.fromkeys(map(EVENTS.key_of, events))
    return {EVENTS.key_of(one): one for one in unit.many(EVENTS.get_many(keys))} if keys else {}


def _of_wallet(deposits: Sequence[Deposit], notice: EventNotice) -> list[Deposit]:
    """The deposits of a notice that are announced."""
    place = notice.subject, notice.block_hash
    return [one for one in deposits if (one.wallet_id, one.block_hash) == place][:MAX_DEPOSITS]


def _announce_deposit(unit: UnitOfWork, kind: str, deposit: Deposit, index: ChainIndex | None) -> None:
    spec = resources.registry().chain(deposit.chain)
    view = Received.of(deposit, spec, index.final_number if index else -1)
    unit.emit(kind, deposit.wallet_id, deposit.block_number, view, feed=[deposit.user_id])


def _announce_events(
    unit: UnitOfWork,
    follow: Follow,
    contract: Contract,
    found: tuple[Sequence[ContractEvent], int],
    index: ChainIndex,
) -> Follow:
    """Announce these events and the number of further ones."""
    (events, more), known = found, decoding.Events(contract.entries)
    after = follow_rules.announced(follow, unit.now)
    first = events[0]
    view = ContractEvents(
        contract_id=contract.id,
        chain=contract.chain,
        address=contract.address or follow.address,
        block_number=first.block_number,
        block_hash=first.block_hash,
        events=[LoggedEvent.of(one, known.decoded(one), index.final_number) for one in events],
        more=more,
    )
    unit.write(after)
    unit.emit("contract.event", contract.id, after.sequence, view, feed=[follow.user_id])
    return after


def take_back(unit: UnitOfWork, block: IndexedBlock) -> bool:
    """Delete notices of a removed block, and announce the removal to everybody who was notified, while the block's
    events and deposits are still stored. Returns whether no notice is left."""
    some = unit.many(NOTICES.scan(block.chain, block.hash, limit=TAKEN_AT_ONCE + 1))
    due = [one for one in some[:TAKEN_AT_ONCE] if one.announced]
    events, deposits, follows = _content_of(unit, block, due) if due else ([], [], [])
    known, announced = {one.id: one for one in follows}, 0
    for one in some[:TAKEN_AT_ONCE]:
        mine = _of_wallet(deposits, one) if one.announced else []
        if announced and announced + len(mine) > MAX_DEPOSITS:
            return False
        announced += len(mine)
        for deposit in mine:
            _announce_deposit(unit, "wallet.received_reorged", deposit, None)
        follow = known.get(one.subject) if one.announced else None
        if follow is not None:
            gone = [each for each in events if each.address == follow.address]
            known[follow.id] = _announce_removed(unit, follow, block, gone)
        unit.delete(one)
    return len(some) <= TAKEN_AT_ONCE


def _content_of(
    unit: UnitOfWork, block: IndexedBlock, due: Sequence[EventNotice]
) -> tuple[list[ContractEvent], list[Deposit], list[Follow]]:
    """The events, without their data, and deposits of a block, and the follows among these notices' subjects."""
    hashes, subjects = [block.hash], sorted({(one.subject,) for one in due})
    events, deposits, follows = unit.read(
        without_columns(events_of(block.chain, hashes), "data"),
        deposits_of(block.chain, hashes),
        FOLLOWS.get_many(subjects),
    )
    return events, deposits, follows


def _announce_removed(
    unit: UnitOfWork, follow: Follow, block: IndexedBlock, gone: Sequence[ContractEvent]
) -> Follow:
    after = follow_rules.announced(follow, unit.now)
    unit.write(after)
    view = EventsReorged.of(follow, block, gone)
    unit.emit("contract.events_reorged", follow.id, after.sequence, view, feed=[follow.user_id])
    return after
