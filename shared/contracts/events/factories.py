"""Follow the contracts that a followed factory announces, from the first block that announces them, for as long as
that block is part of the chain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from shared import resources
from shared.contracts import account_limits
from shared.contracts.events import decoding
from shared.domain.contracts import abi as rules
from shared.domain.contracts import contracts as contract_rules
from shared.domain.contracts import follows as follow_rules
from shared.domain.contracts.contracts import Contract
from shared.domain.contracts.events import ContractEvent
from shared.domain.contracts.follows import MAX_ANNOUNCED, MAX_CHILDREN, Follow
from shared.store.partial_rows import without_columns
from shared.store.session import Session
from shared.store.tables.contract_events import (
    FOLLOWED,
    FOLLOWS,
    FOLLOWS_ANNOUNCED,
    FOLLOWS_BY_OWNER,
    FOLLOWS_FACTORIES,
    unfollow,
)
from shared.store.tables.contracts import CONTRACTS, CONTRACTS_BY_ADDRESS
from shared.store.tables.users import USERS
from shared.store.unit_of_work import UnitOfWork

_NAME: Final = 240  # characters of a factory's name that are copied into the names of its contracts
EVENTS_AT_ONCE: Final = 500  # including deposits, in one commit
FACTORIES_AT_ONCE: Final = 8  # contracts in memory: each has an ABI of up to a megabyte
ADDED_AT_ONCE: Final = 500  # contracts in one commit: each is some sixty of its 80,000 mutations, and an ABI


def at_once(session: Session, chain: str, events: Sequence[ContractEvent]) -> int:
    """How many of these events fit in one commit. Each event may add, or delete, one contract per factory."""
    places = sorted({(one.address, chain) for one in events})
    entries = session.many(FOLLOWS_FACTORIES.below(places)) if places else []
    if not entries:
        return EVENTS_AT_ONCE
    factories = Counter(one["factory_address"] for one in entries)
    return min(EVENTS_AT_ONCE, max(1, ADDED_AT_ONCE // max(factories.values())))


def follow_announced(unit: UnitOfWork, chain: str, events: Sequence[ContractEvent]) -> None:
    """Follow the announced contracts in the commit that stores the events: each once, at most MAX_CHILDREN per
    factory, and no more than its user may follow. If as many as may already get the events of an address, it is
    followed without announcing them."""
    added: set[tuple[str, str]] = set()  # (user, address): by another factory of the user, in this commit
    announced: dict[str, int] = {}  # how many get the events of an address, with those of this commit
    for parent, factory in _factories(unit, chain, events):
        named: dict[str, int] = {}
        for child, number in _named(parent, factory, events):
            if (parent.user_id, child) not in added:
                named[child] = min(number, named.get(child, number))
        if named:
            _follow(unit, parent, factory, named, announced)
            added |= {(parent.user_id, child) for child in named}


def unfollow_announced(unit: UnitOfWork, chain: str, gone: Sequence[ContractEvent]) -> None:
    """Stop following contracts in the commit that deletes the events of removed blocks, unless an earlier block
    announces them. Contracts that their user has changed in the meantime stay."""
    lost: list[_Child] = []
    for parent, factory in _factories(unit, chain, gone):
        named: dict[str, set[int]] = {}
        for child, number in _named(parent, factory, gone):
            named.setdefault(child, set()).add(number)
        own = [
            one
            for address, one in _known(unit, parent, named).items()
            if one.follow and one.follow.parent_id == parent.id and one.follow.from_block in named[address]
        ]
        own = [one for one in own if one.contract.version == 1]
        if own:
            unit.write(follow_rules.with_children(parent, -len(own), unit.now))
        lost += own
    unfollow(unit, [one.follow for one in lost if one.follow])
    unit.delete(*(one.contract for one in lost))


@dataclass(frozen=True, slots=True)
class _Child:
    """A contract at an address that a factory names, and how it is followed."""

    contract: Contract
    follow: Follow | None


def _factories(
    unit: UnitOfWork, chain: str, events: Sequence[ContractEvent]
) -> Iterator[tuple[Follow, Contract]]:
    """The followed factories that emitted any of the events, with their contracts."""
    places = sorted({(one.address, chain) for one in events})
    entries = unit.many(FOLLOWS_FACTORIES.below(places)) if places else []
    parents = unit.follow(FOLLOWS, entries) if entries else []
    for at in range(0, len(parents), FACTORIES_AT_ONCE):
        some = parents[at : at + FACTORIES_AT_ONCE]
        # A unit of work does not keep rows that lack a column.
        query = without_columns(CONTRACTS.get_many((one.id,) for one in some), "transaction_id")
        known = {one.id: one for one in unit.many(query)}
        yield from ((one, known.pop(one.id)) for one in some if one.id in known)


def _named(parent: Follow, factory: Contract, events: Sequence[ContractEvent]) -> Iterator[tuple[str, int]]:
    """(address, height) of each contract that the factory announces in the events, starting at its first followed
    block."""
    announcing = [
        one for one in rules.of_kind(factory.entries, "event") if rules.signature(one) == parent.factory_event
    ]
    known = decoding.Events(announcing)
    for event in events:
        if event.address != parent.address or event.block_number < parent.from_block:
            continue
        found = known.decoded(event)
        if found is None or not isinstance(found.arguments, dict):
            continue
        child = found.arguments.get(parent.factory_argument)
        if isinstance(child, str):
            yield child, event.block_number


def _known(unit: UnitOfWork, parent: Follow, named: Iterable[str]) -> dict[str, _Child]:
    """The contracts that the factory's user already has at these addresses, by address."""
    places = [(address, parent.chain, parent.user_id) for address in named]
    entries = unit.many(CONTRACTS_BY_ADDRESS.below(places)) if places else []
    ids = [(one["id"],) for one in entries]
    if not ids:
        return {}
    contracts, follows = unit.read(without_columns(CONTRACTS.get_many(ids), "abi"), FOLLOWS.get_many(ids))
    followed = {one.id: one for one in follows}
    return {str(one.address): _Child(one, followed.get(one.id)) for one in contracts}


def _follow(
    unit: UnitOfWork,
    parent: Follow,
    factory: Contract,
    named: Mapping[str, int],
    announced: dict[str, int],
) -> None:
    known = _known(unit, parent, named)
    fresh = [child.lower() for child in named if child not in known]
    room = _room(unit, parent.user_id) if fresh else 0
    places = _places(unit, parent, fresh, announced)
    followed = unit.many(FOLLOWED.get_many((parent.chain, one.lower()) for one in named))
    addresses = {one.address: one for one in followed}
    for child, number in named.items():
        there = known[child].follow if child in known else None
        address = follow_rules.followed(addresses.get(child.lower()), parent.chain, child.lower(), number)
        if there is not None and there.parent_id and number < there.from_block:  # filling found it earlier
            there = follow_rules.with_earlier_announcement(there, parent.id, number, unit.now)
            unit.write(follow_rules.to_fill_at(there, address), address)
        if child in known or parent.children >= MAX_CHILDREN or room <= 0:
            continue
        room -= 1
        parent = follow_rules.with_children(parent, 1, unit.now)
        contract = _contract(unit, parent, factory, child)
        follow = follow_rules.new_follow(
            contract_id=contract.id,
            user_id=parent.user_id,
            chain=parent.chain,
            address=child.lower(),
            from_block=number,
            confirmations=parent.confirmations,
            announced=announced.get(child.lower(), 0) < places,
            now=unit.now,
            parent_id=parent.id,
        )
        if follow.announced:
            announced[follow.address] = announced.get(follow.address, 0) + 1
        unit.write(contract, follow_rules.to_fill_at(follow, address), address)
    unit.write(parent)


def _places(unit: UnitOfWork, parent: Follow, addresses: Sequence[str], announced: dict[str, int]) -> int:
    """How many may get the events of one address so that the factory's user may get them, too: none if the user wants
    no events. Adds to `announced` how many there are of these addresses."""
    unread = [(one, parent.chain) for one in addresses if one not in announced]
    if not parent.announced or not addresses:
        return 0
    if unread:
        entries = unit.many(FOLLOWS_ANNOUNCED.below(unread))
        announced |= Counter(str(one["announced_address"]) for one in entries)
    user = unit.maybe(USERS.find(parent.user_id))
    return follow_rules.places(MAX_ANNOUNCED, user.tier if user else "basic")


def _room(unit: UnitOfWork, user_id: str) -> int:
    """How many more contracts the user may have and follow. A contract stays when its follow ends."""
    most = resources.settings().account_limits["follows"]
    followed = unit.one(FOLLOWS_BY_OWNER.counted(user_id, limit=most))
    return min(most - followed, account_limits.room(unit, user_id))


def _contract(unit: UnitOfWork, parent: Follow, factory: Contract, address: str) -> Contract:
    made = contract_rules.new_contract(
        contract_id=unit.new_id("ctr"),
        user_id=parent.user_id,
        name=f"{factory.name[:_NAME]} {parent.children}",
        chain=parent.chain,
        kind="custom",
        abi=rules.text(parent.factory_entries),
        address=address,
        now=unit.now,
    )
    return replace(made, status="deployed")
