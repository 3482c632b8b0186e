"""Follow contracts: whose events are indexed, since when, and which contracts a factory adds.

Many users may follow one address: each has a follow, but the address is indexed once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from shared.domain.contracts.abi import Entry
from shared.domain.errors import Refusal

MAX_FOLLOWS: Final = 2_000  # of one user
MAX_CHILDREN: Final = 1_000  # contracts that one factory may add
MAX_ANNOUNCED: Final = 100  # follows of one address that may have announced events
MAX_FACTORIES: Final = 20  # follows of one address that may add the contracts that it announces
MAX_FACTORY_ABI: Final = 64 * 1024  # characters: each contract that a factory adds stores its own copy
MAX_CONFIRMATIONS: Final = 10_000
Work = Literal["new", "fill", "held", "drop"]
Fault = Literal["pruned", "refused", "disagree"]


class NotFollowed(Refusal):
    code, status, message = "NOT_FOLLOWED", 409, "The contract's events are not followed."


class TooManyFollows(Refusal):
    """`data.most` is the limit."""

    code, status, message = (
        "TOO_MANY_FOLLOWS",
        409,
        "You follow as many contracts as allowed: unfollow one first.",
    )


class TooManyAnnounced(Refusal):
    code, status = "TOO_MANY_ANNOUNCED", 409
    message = "Too many users get events of this address; follow it with announce=false."


class FutureBlock(Refusal):
    """`data.head` is the chain's newest block."""

    code, status, message = (
        "FUTURE_BLOCK",
        422,
        "The block is in the future: the chain has not reached it yet.",
    )


@dataclass(frozen=True, slots=True)
class Follow:
    """One user's request to see a contract's events; its id is the contract's. Addresses are lower case."""

    id: str
    user_id: str
    chain: str
    address: str
    from_block: int
    confirmations: int  # blocks, including the event's own, before it is announced
    announced: bool
    announced_address: str | None  # the address, if events are announced
    factory_event: str | None  # the full signature of an event that names another contract
    factory_argument: str | None
    factory_abi: str | None  # the ABI of the named contracts, as JSON text
    factory_address: str | None  # the address, if it is a factory
    children: int  # contracts that it has added
    parent_id: str | None  # id of the factory that added it, until its user changes the follow
    sequence: int  # number of announced events
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def factory_rule(self) -> tuple[str | None, str | None, str | None]:
        return self.factory_event, self.factory_argument, self.factory_abi

    @property
    def factory_entries(self) -> list[Entry]:
        found: list[Entry] = json.loads(self.factory_abi or "[]")
        return found


@dataclass(frozen=True, slots=True)
class FollowedAddress:
    """An address whose events are indexed. While it is `live`, every new block is indexed. The blocks from
    `from_block` to `fill_until` are filled step by step, so far up to `filled_to`."""

    chain: str
    address: str
    live: bool
    work: Work | None  # the index's work for it besides new blocks
    from_block: int
    filled_to: int
    fill_until: int
    gap_block: int | None = None  # the first block whose events no node returned
    fault: Fault | None = None  # why filling does not progress

    @property
    def missing(self) -> int:
        """The number of blocks that are not filled yet."""
        return max(0, self.fill_until - self.filled_to) if self.work in ("fill", "held") else 0


def followed_from(
    known: FollowedAddress | None, chain: str, address: str, from_block: int
) -> FollowedAddress:
    """The address extended for another follow, which begins at `from_block`."""
    if known is None or known.work == "drop":
        return FollowedAddress(chain, address, False, "new", from_block, from_block - 1, from_block - 1)
    if from_block >= known.from_block:
        return known
    until = max(known.fill_until, known.from_block - 1) if known.live else known.fill_until
    work: Work = "fill" if known.live else "new"
    return replace(
        known, work=work, from_block=from_block, filled_to=from_block - 1, fill_until=until, fault=None
    )


def refilled_from(address: FollowedAddress, from_block: int, indexed_to: int) -> FollowedAddress:
    """The address to be filled again from this block on, because a factory's new rule must see its earlier events."""
    if not address.live or from_block > indexed_to:
        return address
    low = min(from_block - 1, address.filled_to) if address.missing else from_block - 1
    until = max(indexed_to, address.fill_until)
    return replace(address, work="fill", filled_to=low, fill_until=until, fault=None)


def made_live(address: FollowedAddress, indexed_to: int) -> FollowedAddress:
    """The address with every new block after `indexed_to` indexed; earlier blocks must be filled."""
    behind = address.from_block <= indexed_to
    return replace(address, live=True, work="fill" if behind else None, fill_until=indexed_to, fault=None)


def filled(address: FollowedAddress, number: int, *, complete: bool) -> FollowedAddress:
    """The address filled up to a height; with `complete`, nothing is left to fill."""
    return replace(address, filled_to=number, work=None if complete else "fill", fault=None)


def filling_failed(address: FollowedAddress, fault: Fault) -> FollowedAddress:
    """The address after its filling failed; it waits until nothing else must be filled."""
    return replace(address, work="held", fault=fault)


def new_follow(
    *,
    contract_id: str,
    user_id: str,
    chain: str,
    address: str,
    from_block: int,
    confirmations: int,
    announced: bool,
    now: datetime,
    factory: tuple[str, str, str] | None = None,
    parent_id: str | None = None,
) -> Follow:
    """A new follow. `factory`: the event's signature, the argument's name, and the ABI of the contracts
    that it names."""
    event, argument, abi = factory or (None, None, None)
    return Follow(
        id=contract_id,
        user_id=user_id,
        chain=chain,
        address=address,
        from_block=from_block,
        confirmations=confirmations,
        announced=announced,
        announced_address=address if announced else None,
        factory_event=event,
        factory_argument=argument,
        factory_abi=abi,
        factory_address=address if factory else None,
        children=0,
        parent_id=parent_id,
        sequence=0,
        version=1,
        created_at=now,
        updated_at=now,
    )


def changed(known: Follow, requested: Follow, now: datetime) -> Follow:
    """The follow with the settings of `requested`; its counters stay. From now on it belongs to the user, even if a
    factory added it."""
    made = replace(
        requested,
        children=known.children,
        sequence=known.sequence,
        version=known.version,
        created_at=known.created_at,
        updated_at=known.updated_at,
    )
    return known if made == known else replace(made, version=known.version + 1, updated_at=now)


def announced(follow: Follow, now: datetime, events: int = 1) -> Follow:
    return replace(follow, sequence=follow.sequence + events, version=follow.version + 1, updated_at=now)


def with_children(follow: Follow, more: int, now: datetime) -> Follow:
    """The factory after it added `more` contracts (or lost some, if negative)."""
    children = max(0, follow.children + more)
    return replace(follow, children=children, version=follow.version + 1, updated_at=now)


def with_earlier_announcement(follow: Follow, parent_id: str, number: int, now: datetime) -> Follow:
    """The follow of a factory's contract, which an earlier block also announces."""
    return replace(follow, parent_id=parent_id, from_block=number, version=follow.version + 1, updated_at=now)
