"""Which notices are announced next: those that are due the longest and, where more are due than one commit announces,
some of every account by turns. So an account with any number of announcements does not delay those of others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

from shared import resources
from shared.domain.contracts.events import ChainIndex
from shared.runtime.clock import new_id
from shared.store.port import Key, Row
from shared.store.session import Session
from shared.store.tables.contract_events import NOTICES, NOTICES_BY_ACCOUNT, notices_due

AT_ONCE: Final = 4  # notices of a shard in one commit
BLOCKS_AT_ONCE: Final = 8  # whose events and deposits are in memory, also those that nobody is notified of
ENTRIES: Final = 32  # of a shard that are searched for accounts in one read


class AccountTurns:
    """Hints of this process: the account that had the last turn, and the shard that is first in the next commit."""

    last: dict[tuple[str, int], str]  # user id, by chain and shard
    first: int

    def __init__(self) -> None:
        self.last = defaultdict(lambda: new_id("usr"))
        self.first = 0


def next_due(index: ChainIndex) -> list[Key]:
    """The keys of the notices to announce in the next commit."""
    session = Session(resources.database().snapshot())
    shards: list[list[Row]] = session.read_all(notices_due(index.chain, index.number, AT_ONCE))
    full = [shard for shard, entries in enumerate(shards) if len(entries) == AT_ONCE]
    for shard, accounts in _by_turns(session, index, full).items():
        oldest, *others = shards[shard]
        chosen = [oldest, *(one for one in accounts if _key(one) != _key(oldest))]
        known = set(map(_key, chosen))
        shards[shard] = [*chosen, *(one for one in others if _key(one) not in known)][:AT_ONCE]
    turns = resources.memory(AccountTurns)
    turns.first = (turns.first + 1) % len(shards)
    return _of_few_blocks([*shards[turns.first :], *shards[: turns.first]])


def _by_turns(session: Session, index: ChainIndex, shards: Sequence[int]) -> dict[int, list[Row]]:
    """The first due notice of each of the next accounts, by shard."""
    turns = resources.memory(AccountTurns)
    found = _entries(session, index.chain, {shard: turns.last[index.chain, shard] for shard in shards})
    found |= _entries(session, index.chain, {shard: "" for shard in shards if not found[shard]})
    chosen: dict[int, list[Row]] = {}
    for shard, entries in found.items():
        chosen[shard] = []
        for user_id, own in groupby(entries, itemgetter("user_id")):
            turns.last[index.chain, shard] = user_id
            first = next(own)
            if first["due_block"] <= index.number:
                chosen[shard].append(first)
            if len(chosen[shard]) == AT_ONCE - 1:
                break
    return chosen


def _entries(session: Session, chain: str, after: dict[int, str]) -> dict[int, list[Row]]:
    queries = [
        NOTICES_BY_ACCOUNT.scan(chain, shard, after=(user_id,), limit=ENTRIES)
        for shard, user_id in after.items()
    ]
    return dict(zip(after, session.read_all(queries), strict=True))


def _of_few_blocks(shards: Sequence[Sequence[Row]]) -> list[Key]:
    """The keys of the entries, in order, from at most BLOCKS_AT_ONCE blocks. A shard's first entry of a further block
    leaves out its others as well: announcements of a follow stay in order."""
    blocks: set[str] = set()
    keys: list[Key] = []
    for entries in shards:
        for one in entries:
            if one["block_hash"] not in blocks and len(blocks) == BLOCKS_AT_ONCE:
                break
            blocks.add(one["block_hash"])
            keys.append(_key(one))
    return keys


def _key(entry: Row) -> Key:
    return tuple(entry[name] for name in NOTICES.key)
