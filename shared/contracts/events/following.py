"""Follow a contract, or change how it is followed."""

from __future__ import annotations

from dataclasses import replace

from shared import resources
from shared.contracts.events import decoding
from shared.domain.contracts import abi as rules
from shared.domain.contracts import follows
from shared.domain.contracts.contracts import Contract
from shared.domain.contracts.events import ChainIndex
from shared.domain.contracts.follows import (
    MAX_ANNOUNCED,
    MAX_FACTORIES,
    MAX_FACTORY_ABI,
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
    unfollow,
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


def follow(unit: UnitOfWork, requested: Follow, *, keep_start: bool) -> State:
    """Follow a contract, or change how it is followed; `keep_start` keeps the first block of an existing follow.

    Raises TooManyFollows, TooManyAnnounced."""
    most = resources.settings().account_limits["follows"]
    known, address, index, own = unit.read(
        FOLLOWS.find(requested.id),
        FOLLOWED.find(requested.chain, requested.address),
        CHAIN_INDEXES.find(requested.chain),
        FOLLOWS_BY_OWNER.counted(requested.user_id, limit=most),
    )
    if known is not None and keep_start:
        requested = replace(requested, from_block=known.from_block)
    if known is None and own == most:
        raise TooManyFollows(limit=most)
    caller = unit.context.caller
    tier = caller.tier if caller else "basic"
    if requested.announced and not (known and known.announced):
        places = follows.places(MAX_ANNOUNCED, tier)
        announced = FOLLOWS_ANNOUNCED.counted(requested.address, requested.chain, limit=places)
        if unit.one(announced) == places:
            raise TooManyAnnounced(limit=places)
    if requested.factory_address and not (known and known.factory_address):
        places = follows.places(MAX_FACTORIES, tier)
        others = FOLLOWS_FACTORIES.counted(requested.address, requested.chain, limit=places)
        if unit.one(others) == places:
            said = "As many follow this address as a factory as may: follow it without one."
            raise TooManyFollows(said, limit=places)
    made = requested if known is None else follows.changed(known, requested, unit.now)
    needed = follows.followed(address, requested.chain, requested.address, requested.from_block)
    if index is not None and made.factory_event and _looks_further(known, made):
        until = max(index.number, needed.from_block - 1)  # the index may have been rolled back since
        made = follows.to_fill(made, until) if needed.live else follows.to_fill_at(made, needed)
    elif known is None or made.from_block < known.from_block:
        made = follows.to_fill_at(made, needed)
    if known is not None and made.parent_id is None:
        _leave_factory(unit, known)
    unit.write(made, needed)
    return made, needed, index


def end(unit: UnitOfWork, follow: Follow) -> None:
    """End a follow. With the last one of an address, the index deletes its data about the address."""
    _leave_factory(unit, follow)
    unfollow(unit, [follow])


def _leave_factory(unit: UnitOfWork, follow: Follow) -> None:
    """Count the follow no longer for the factory that added it, which may then add another contract."""
    parent = unit.maybe(FOLLOWS.find(follow.parent_id)) if follow.parent_id else None
    if parent is not None:
        unit.write(follows.with_children(parent, -1, unit.now))


def _looks_further(known: Follow | None, made: Follow) -> bool:
    """Whether a factory's rule has changed, or starts at an earlier block."""
    return known is None or known.factory_rule != made.factory_rule or made.from_block < known.from_block
