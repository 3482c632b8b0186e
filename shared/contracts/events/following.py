"""Follow a contract, or change how it is followed."""

from __future__ import annotations

from dataclasses import replace

from shared.contracts.events import decoding
from shared.domain.contracts import abi as rules
from shared.domain.contracts import follows
from shared.domain.contracts.contracts import Contract
from shared.domain.contracts.events import ChainIndex
from shared.domain.contracts.follows import (
    MAX_ANNOUNCED,
    MAX_FACTORIES,
    MAX_FACTORY_ABI,
    MAX_FOLLOWS,
    Follow,
    FollowedAddress,
    NotFollowed,
    TooManyAnnounced,
    TooManyFollows,
)
from shared.domain.errors import InvalidValue
from shared.store.session import Session
from shared.store.tables.contract_events import (
    CHAIN_INDEXES,
    FOLLOWED,
    FOLLOWS,
    FOLLOWS_ANNOUNCED,
    FOLLOWS_BY_OWNER,
    FOLLOWS_FACTORIES,
)
from shared.store.unit_of_work import UnitOfWork

State = tuple[Follow, FollowedAddress, ChainIndex | None]


def factory_of(contract: Contract, event: str, argument: str, abi: list[rules.Entry]) -> tuple[str, str, str]:
    """The factory arguments of `new_follow`. Raises UnknownEvent, AmbiguousEvent, InvalidValue, InvalidAbi."""
    entry = decoding.event(contract.entries, event)
    kinds = {one["name"]: one["type"] for one in entry["inputs"]}
    if kinds.get(argument) != "address" or not all(kinds) or len(kinds) < len(entry["inputs"]):
        raise InvalidValue("factory.argument", "must be an address of an event whose arguments have names")
    text = rules.text(abi)
    if len(text) > MAX_FACTORY_ABI:
        raise rules.InvalidAbi(f"is larger than {MAX_FACTORY_ABI // 1024} KiB", "factory.abi")
    return rules.signature(entry), argument, text


def state(session: Session, contract: Contract) -> State:
    """How a contract is followed. Raises NotFollowed."""
    follow, index = session.read(FOLLOWS.find(contract.id), CHAIN_INDEXES.find(contract.chain))
    if follow is None:
        raise NotFollowed(contract_id=contract.id)
    return follow, session.one(FOLLOWED.get(follow.chain, follow.address)), index


def follow(unit: UnitOfWork, wish: Follow, *, keep_start: bool) -> State:
    """Follow a contract, or change how it is followed; `keep_start` keeps the first block of an existing follow.

    Raises TooManyFollows, TooManyAnnounced."""
    known, address, index, own = unit.read(
        FOLLOWS.find(wish.id),
        FOLLOWED.find(wish.chain, wish.address),
        CHAIN_INDEXES.find(wish.chain),
        FOLLOWS_BY_OWNER.scan(wish.user_id, limit=MAX_FOLLOWS),
    )
    if known is not None and keep_start:
        wish = replace(wish, from_block=known.from_block)
    if known is None and len(own) == MAX_FOLLOWS:
        raise TooManyFollows(most=MAX_FOLLOWS)
    if wish.announced and not (known and known.announced):
        told = unit.many(FOLLOWS_ANNOUNCED.scan(wish.address, wish.chain, limit=MAX_ANNOUNCED))
        if len(told) == MAX_ANNOUNCED:
            raise TooManyAnnounced(most=MAX_ANNOUNCED)
    if wish.factory_address and not (known and known.factory_address):
        others = unit.many(FOLLOWS_FACTORIES.scan(wish.address, wish.chain, limit=MAX_FACTORIES))
        if len(others) == MAX_FACTORIES:
            said = "As many follow this address as a factory as may: follow it without one."
            raise TooManyFollows(said, most=MAX_FACTORIES)
    made = wish if known is None else follows.changed(known, wish, unit.now)
    needed = follows.followed_from(address, wish.chain, wish.address, wish.from_block)
    if index is not None and made.factory_event and _looks_further(known, made):
        needed = follows.refilled_from(needed, made.from_block, index.number)
    unit.write(made, needed)
    return made, needed, index


def _looks_further(known: Follow | None, made: Follow) -> bool:
    """Whether a factory's rule has changed, or starts at an earlier block."""
    return known is None or known.factory_rule != made.factory_rule or made.from_block < known.from_block
