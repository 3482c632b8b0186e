"""Work for followed addresses: start to index new ones, and delete the events of those that nobody follows any more.

Accounts have turns of a few new addresses each, so that none waits for all that another follows, or that another's
factories have added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, islice
from operator import itemgetter
from typing import Final

from shared import resources
from shared.chain.block_scan import MAX_ADDRESSES
from shared.contracts.events.rolling_back import require_unmoved
from shared.contracts.events.turns import Turns
from shared.domain.contracts import follows as rules
from shared.domain.contracts.events import ChainIndex
from shared.domain.contracts.follows import FollowedAddress
from shared.store.port import Row
from shared.store.session import Session
from shared.store.tables.contract_events import (
    EVENTS,
    EVENTS_BY_PLACE,
    FOLLOWED,
    FOLLOWED_WORK,
    FOLLOWS,
    FOLLOWS_BY_PLACE,
    FOLLOWS_FILLING,
    at_addresses,
)
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

FOLLOWS_AT_ONCE: Final = 500  # in one commit: any number of accounts may follow a new address
DROPPED_AT_ONCE: Final = 500
TURN: Final = 10  # new addresses of an account
SEARCHES: Final = 5  # reads in which a pass looks for accounts with new addresses, if one has very many


def begin(index: ChainIndex) -> ChainIndex:
    """Start to index new addresses from the next block on, and set which earlier blocks their follows lack. An address
    stays `new` until that is set for all of its follows. Raises Moved."""
    session = Session(resources.database().snapshot())
    addresses = _new_addresses(session, index.chain)
    if not addresses:
        return index
    index = commit(_make_live, index, addresses)
    # Whoever follows a live address sets that alone, so there are no further follows of these to set.
    session = Session(resources.database().snapshot())
    ids = [one["id"] for one in session.many(FOLLOWS_BY_PLACE.below((one, index.chain) for one in addresses))]
    for at in range(0, max(1, len(ids)), FOLLOWS_AT_ONCE):
        rest = ids[at + FOLLOWS_AT_ONCE :]
        index = commit(_set_up, index, ids[at : at + FOLLOWS_AT_ONCE], () if rest else addresses)
    return index


def _new_addresses(session: Session, chain: str) -> list[str]:
    """At most MAX_ADDRESSES: those of accounts by turns, and then any others."""
    # Before migration 0024, addresses that were filled in said so themselves: they begin again.
    works = ("new", "fill", "held")
    found = session.read_all([FOLLOWED_WORK.scan(chain, work, limit=MAX_ADDRESSES) for work in works])
    waiting = [one["address"] for entries in found for one in entries]
    if len(found[0]) == MAX_ADDRESSES:
        follows = session.follow(FOLLOWS, _by_turns(session, chain), without=("factory_abi",))
        waiting = [*(one.address for one in follows), *waiting]
    return list(dict.fromkeys(waiting))[:MAX_ADDRESSES]


def _by_turns(session: Session, chain: str) -> list[Row]:
    """The entries of new follows of the next accounts, at most TURN of each."""
    turns, chosen, seen = resources.memory(Turns), list[Row](), set[str]()
    for _ in range(SEARCHES):
        last = turns.last[chain, "new"]
        entries = session.many(FOLLOWS_FILLING.scan(chain, "new", after=(last,), limit=MAX_ADDRESSES))
        entries = entries or session.many(FOLLOWS_FILLING.scan(chain, "new", limit=MAX_ADDRESSES))
        for user_id, own in groupby(entries, itemgetter("user_id")):
            if user_id in seen or len(chosen) >= MAX_ADDRESSES:
                return chosen
            seen.add(user_id)
            chosen += islice(own, TURN)
            turns.last[chain, "new"] = user_id
    return chosen


def _make_live(unit: UnitOfWork, index: ChainIndex, addresses: Sequence[str]) -> ChainIndex:
    current = require_unmoved(unit, index)
    known = [one for one in unit.many(at_addresses(index.chain, addresses)) if one.work not in (None, "drop")]
    begun = [one for one in known if one.live and one.work == "new"]  # by a run that ended before all was set
    return _moved(unit, current, *(rules.made_live(one, current.number) for one in known if one not in begun))


def _set_up(unit: UnitOfWork, index: ChainIndex, ids: Sequence[str], done: Sequence[str]) -> ChainIndex:
    """Set the blocks to fill in for these follows; the addresses `done` have no others."""
    current = require_unmoved(unit, index)
    follows = [one for one in unit.many(FOLLOWS.get_many((one,) for one in ids)) if one.fill_until is None]
    places = sorted({one.address for one in follows} | set(done))
    addresses = {one.address: one for one in unit.many(at_addresses(index.chain, places))}
    fresh = [one for one in addresses.values() if one.address in done and one.live and one.work == "new"]
    unit.write(*(rules.to_fill_at(one, addresses[one.address]) for one in follows))
    return _moved(unit, current, *(replace(one, work=None) for one in fresh))


def _moved(unit: UnitOfWork, current: ChainIndex, *rows: FollowedAddress) -> ChainIndex:
    """Write the rows, and a version of the index that lets no earlier run go on."""
    after = replace(current, version=current.version + 1, updated_at=unit.now)
    unit.write(*rows, after)
    return after


def drop(index: ChainIndex) -> ChainIndex:
    """Delete some events of an address that nobody follows any more, and at the end the address itself. Raises
    Moved."""
    session = Session(resources.database().snapshot())
    for entry in session.many(FOLLOWED_WORK.scan(index.chain, "drop", limit=1)):
        return commit(_drop, index, str(entry["address"]))
    return index


def _drop(unit: UnitOfWork, index: ChainIndex, address: str) -> ChainIndex:
    current = require_unmoved(unit, index)
    known = unit.maybe(FOLLOWED.find(index.chain, address))
    if known is None or known.work != "drop":
        return current
    entries = unit.many(EVENTS_BY_PLACE.scan(address, index.chain, limit=DROPPED_AT_ONCE))
    unit.delete(*unit.follow(EVENTS, entries))
    if entries:
        return _moved(unit, current, replace(known, live=False))
    unit.delete(known)
    return _moved(unit, current)
