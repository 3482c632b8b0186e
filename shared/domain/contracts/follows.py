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

MAX_CHILDREN: Final = 1_000  # contracts that one factory may add
MAX_ANNOUNCED: Final = 100  # follows of one address that may have announced events
MAX_FACTORIES: Final = 20  # follows of one address that may add the contracts that it announces
MAX_FACTORY_ABI: Final = 64 * 1024  # characters: each contract that a factory adds stores its own copy
MAX_CONFIRMATIONS: Final = 10_000
Work = Literal["new", "drop"]
Filling = Literal["new", "fill", "held"]
Fault = Literal["pruned", "refused", "disagree"]


class NotFollowed(Refusal):
    code, status, message = "NOT_FOLLOWED", 409, "The contract's events are not followed."


class TooManyFollows(Refusal):
    """`data.limit` is the largest number. Contracts that factories have added count."""

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
    """One user's request to see a contract's events; its id is the contract's. Addresses are lower case.

    The blocks from `from_block` to `fill_until` are filled step by step, so far up to `filled_to`; both are None while
    the address is not indexed yet."""

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
    children: int  # contracts that it has added and that its user has not followed in another way, or unfollowed, since
    parent_id: str | None  # id of the factory that added it, until its user changes the follow
    sequence: int  # number of announced events
    version: int  # of what the user can change, so filling does not change it
    created_at: datetime
    updated_at: datetime
    # "new": the address is not indexed yet; "held": filling has failed, and is tried again now and then.
    work: Filling | None = None
    filled_to: int | None = None
    fill_until: int | None = None
    fault: Fault | None = None  # why filling does not progress

    @property
    def missing(self) -> int:
        """The number of blocks that are not filled yet."""
        return max(0, (self.fill_until or 0) - (self.filled_to or 0)) if self.work else 0

    @property
    def factory_rule(self) -> tuple[str | None, str | None, str | None]:
        return self.factory_event, self.factory_argument, self.factory_abi

    @property
    def factory_entries(self) -> list[Entry]:
        found: list[Entry] = json.loads(self.factory_abi or "[]")
        return found


@dataclass(frozen=True, slots=True)
class FollowedAddress:
    """An address whose events are indexed, for however many follows. While it is `live`, every new block is indexed,
    and all of its events since `from_block` are stored."""

    chain: str
    address: str
    live: bool
    work: Work | None  # the index's work for it besides new blocks
    from_block: int
    gap_block: int | None = None  # the first block whose events no node returned


def places(most: int, tier: str) -> int:
    """How many follows of one address may exist for an account of this tier to add another one. The lowest tier, of
    which anybody can have many accounts, gets half of the places: it must not take all of them from the others."""
    return most // 2 if tier == "basic" else most


def followed(known: FollowedAddress | None, chain: str, address: str, from_block: int) -> FollowedAddress:
    """The address for another follow."""
    if known is None or known.work == "drop":
        return FollowedAddress(chain, address, live=False, work="new", from_block=from_block)
    return known


def made_live(address: FollowedAddress, indexed_to: int) -> FollowedAddress:
    """The address with every new block after `indexed_to` indexed. It stays "new" until its follows know that."""
    return replace(address, live=True, work="new", from_block=indexed_to + 1)


def filled_from(address: FollowedAddress, follow: Follow) -> FollowedAddress:
    """The address after everything that the follow lacked is stored."""
    if follow.fill_until is None or follow.fill_until < address.from_block - 1:
        return address
    return replace(address, from_block=min(address.from_block, follow.from_block))


def to_fill(follow: Follow, until: int) -> Follow:
    """The follow with its blocks up to `until` to be filled in, from its first block on."""
    return replace(
        follow,
        work="fill" if follow.from_block <= until else None,
        filled_to=follow.from_block - 1,
        fill_until=max(until, follow.from_block - 1),
        fault=None,
    )


def to_fill_at(follow: Follow, address: FollowedAddress) -> Follow:
    """The follow with the blocks to be filled in that are not stored for its address yet; if the address is not live,
    these are known only when it is."""
    return to_fill(follow, address.from_block - 1) if address.live else replace(follow, work="new")


def filled(follow: Follow, number: int, *, complete: bool) -> Follow:
    """The follow filled up to a height; with `complete`, nothing is left to fill."""
    return replace(follow, filled_to=number, work=None if complete else "fill", fault=None)


def filling_failed(follow: Follow, fault: Fault) -> Follow:
    """The follow after its filling failed; it is tried again now and then."""
    return replace(follow, work="held", fault=fault)


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
        work=known.work,
        filled_to=known.filled_to,
        fill_until=known.fill_until,
        fault=known.fault,
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
