"""The index of contract events: its progress, its content, the followed addresses, and pending announcements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from shared.domain.contracts.events import (
    NOTICE_SHARDS,
    NOTICE_WRITTEN,
    ChainIndex,
    ContractEvent,
    Deposit,
    EventNotice,
    IndexedBlock,
)
from shared.domain.contracts.follows import Follow, FollowedAddress
from shared.domain.wallets.wallets import Wallet
from shared.store.port import Row
from shared.store.session import Session
from shared.store.table import Index, Query, Table
from shared.store.tables.system import shard_of
from shared.store.tables.wallets import WALLETS
from shared.store.unit_of_work import UnitOfWork

CHAIN_INDEXES = Table("chain_indexes", ChainIndex, ("chain",))
BLOCKS = Table("indexed_blocks", IndexedBlock, ("chain", "number"))
FOLLOWED = Table("followed_addresses", FollowedAddress, ("chain", "address"))
FOLLOWED_WORK = Index("followed_addresses_work", FOLLOWED, ("chain", "work", "address"), null_filtered=True)
FOLLOWS = Table("follows", Follow, ("id",))
FOLLOWS_BY_PLACE = Index("follows_by_place", FOLLOWS, ("address", "chain", "id"))
FOLLOWS_ANNOUNCED = Index(
    "follows_announced",
    FOLLOWS,
    ("announced_address", "chain", "id"),
    null_filtered=True,
    stored=("confirmations", "user_id"),
)
FOLLOWS_FACTORIES = Index(
    "follows_factories", FOLLOWS, ("factory_address", "chain", "id"), null_filtered=True
)
FOLLOWS_BY_OWNER = Index("follows_by_owner", FOLLOWS, ("user_id", "id"))
FOLLOWS_FILLING = Index("follows_filling", FOLLOWS, ("chain", "work", "user_id", "id"), null_filtered=True)
EVENTS = Table("contract_events", ContractEvent, ("chain", "block_hash", "log_index"))
NOTICES = Table("event_notices", EventNotice, ("chain", "block_hash", "subject"))
NOTICES_DUE = Index(
    "event_notices_due", NOTICES, ("chain", "due_shard", "due_block", "subject"), null_filtered=True
)
NOTICES_BY_ACCOUNT = Index(
    "event_notices_by_account",
    NOTICES,
    ("chain", "due_shard", "user_id", "due_block", "subject"),
    null_filtered=True,
)
DEPOSITS = Table(
    "deposits", Deposit, ("chain", "block_hash", "place", "wallet_id"), texts=frozenset({"amount"})
)
DEPOSITS_BY_WALLET = Index(
    "deposits_by_wallet",
    DEPOSITS,
    ("wallet_id", "block_number", "place"),
    frozenset({"block_number", "place"}),
)
WALLETS_BY_ADDRESS: Index[Wallet] = Index(
    "wallets_by_address", WALLETS, ("active_address", "chain"), null_filtered=True
)
_NEWEST: Final = frozenset({"block_number", "log_index"})


def _events_by(topics: tuple[str, ...], name: str, *stored: str) -> Index[ContractEvent]:
    key = ("address", "chain", *topics, "block_number", "log_index")
    return Index(name, EVENTS, key, _NEWEST, null_filtered=bool(topics), stored=stored)


EVENTS_BY_PLACE: Final = _events_by((), "contract_events_by_place")
EVENTS_BY_TOPIC: Final = (  # by the event itself, and by one of its indexed arguments
    _events_by(("topic0",), "contract_events_by_topic0"),
    _events_by(("topic0", "topic1"), "contract_events_by_topic1", "topic2", "topic3"),
    _events_by(("topic0", "topic2"), "contract_events_by_topic2", "topic3"),
    _events_by(("topic0", "topic3"), "contract_events_by_topic3"),
)


def notice(chain: str, subject: str, user_id: str, due_block: int, block: IndexedBlock) -> EventNotice:
    """A notice for an account, assigned to a shard by its subject."""
    shard = shard_of(subject, NOTICE_WRITTEN)
    return EventNotice(chain, block.hash, subject, block.number, due_block, shard, user_id)


def notices_due(chain: str, number: int, limit: int) -> list[Query[list[Row]]]:
    """One query per shard: the notices to announce when the index is at this height."""
    return [NOTICES_DUE.scan(chain, shard, upto=(number,), limit=limit) for shard in range(NOTICE_SHARDS)]


def notices_of(chain: str, hashes: Iterable[str]) -> Query[list[EventNotice]]:
    return NOTICES.below((chain, one) for one in hashes)


def at_addresses(chain: str, addresses: Iterable[str]) -> Query[list[FollowedAddress]]:
    return FOLLOWED.get_many((chain, one) for one in addresses)


def events_of(chain: str, hashes: Iterable[str]) -> Query[list[ContractEvent]]:
    return EVENTS.below((chain, one) for one in hashes)


def deposits_of(chain: str, hashes: Iterable[str]) -> Query[list[Deposit]]:
    return DEPOSITS.below((chain, one) for one in hashes)


def unfollow(unit: UnitOfWork, follows: Sequence[Follow]) -> None:
    """Delete follows; with the last follow of an address, the index deletes its data about the address."""
    if not follows:
        return
    ids = {one.id for one in follows}
    counts = Counter((one.chain, one.address) for one in follows)
    addresses = {(one.chain, one.address): one for one in unit.many(FOLLOWED.get_many(counts))}
    others = unit.read_all(
        [FOLLOWS_BY_PLACE.scan(at, chain, limit=count + 1) for (chain, at), count in counts.items()]
    )
    unit.delete(*follows)
    for place, entries in zip(counts, others, strict=True):
        address = addresses.get(place)
        if address is not None and all(one["id"] in ids for one in entries):
            unit.write(replace(address, work="drop"))


def follows_of(session: Session, user_id: str, limit: int = 0) -> list[Follow]:
    """All follows of a user, or the first `limit` of them, without the ABIs of factories."""
    entries = session.many(FOLLOWS_BY_OWNER.scan(user_id, limit=limit))
    return session.follow(FOLLOWS, entries, without=("factory_abi",))
