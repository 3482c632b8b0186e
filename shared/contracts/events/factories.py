"""Contracts that a followed contract announces are followed, too: from the block that announces them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from shared.contracts.events import decoding
from shared.domain.contracts import abi as rules
from shared.domain.contracts import contracts as contract_rules
from shared.domain.contracts import follows as follow_rules
from shared.domain.contracts.contracts import Contract
from shared.domain.contracts.events import ContractEvent
from shared.domain.contracts.follows import MAX_CHILDREN, Follow
from shared.store.tables.contract_events import FOLLOWED, FOLLOWS, FOLLOWS_FACTORIES
from shared.store.tables.contracts import CONTRACTS, CONTRACTS_BY_ADDRESS
from shared.store.unit_of_work import UnitOfWork

_NAME: Final = 240  # characters of a factory's name that its contracts' names keep


def follow_announced(unit: UnitOfWork, chain: str, events: Sequence[ContractEvent]) -> None:
    """In the commit that stores the events; each contract once, at most MAX_CHILDREN of a factory."""
    places = sorted({(one.address, chain) for one in events})
    if not places:
        return
    entries = unit.many(FOLLOWS_FACTORIES.below(places))
    if not entries:
        return
    parents = unit.follow(FOLLOWS, entries)
    known = {one.id: one for one in unit.many(CONTRACTS.get_many((one.id,) for one in parents))}
    for parent in parents:
        if parent.id in known:
            own = [one for one in events if one.address == parent.address]
            _follow(unit, parent, known[parent.id], own)


def _follow(unit: UnitOfWork, parent: Follow, factory: Contract, events: Sequence[ContractEvent]) -> None:
    named: dict[str, int] = {}
    entries = factory.entries
    for event in events:
        found = decoding.decoded(entries, event)
        if found is None or found.signature != parent.factory_event or not isinstance(found.arguments, dict):
            continue
        child = found.arguments.get(parent.factory_argument)
        if isinstance(child, str):
            named.setdefault(child, event.block_number)
    if not named:
        return
    places = [(address, parent.chain, parent.user_id) for address in named]
    taken = {one["address"] for one in unit.many(CONTRACTS_BY_ADDRESS.below(places))}
    followed = unit.many(FOLLOWED.get_many((parent.chain, one.lower()) for one in named))
    addresses = {one.address: one for one in followed}
    for child, number in named.items():
        if child in taken or parent.children >= MAX_CHILDREN:
            continue
        parent = follow_rules.with_child(parent, unit.now)
        contract = _contract(unit, parent, factory, child)
        follow = follow_rules.new_follow(
            contract_id=contract.id,
            user_id=parent.user_id,
            chain=parent.chain,
            address=child.lower(),
            from_block=number,
            confirmations=parent.confirmations,
            announced=parent.announced,
            now=unit.now,
            parent_id=parent.id,
        )
        address = follow_rules.wanted(addresses.get(child.lower()), parent.chain, child.lower(), number)
        unit.write(contract, follow, address)
    unit.write(parent)


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
