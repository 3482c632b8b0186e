"""Whose turn it is to have earlier blocks filled in: the accounts have turns of one range each.

Everything here is a hint, kept in this process: a new process begins with any account, so that those behind have turns
also where processes end after a few.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Final

from shared import resources
from shared.chain.block_scan import MAX_ADDRESSES
from shared.domain.contracts.follows import Filling, Follow
from shared.runtime.clock import new_id
from shared.store.port import Row
from shared.store.session import Session
from shared.store.tables.contract_events import FOLLOWS_FILLING

MAX_RANGE: Final = 2_000  # blocks of one range
# The name in RATE_LIMITS: events that are filled in for one account in an hour.
LIMIT: Final = "filled_events"
MAX_SKIPPED: Final = 100  # accounts that one read leaves out


class Turns:
    """Whose turn was the last one; how long each account's next range is: halved after a refusal or many events,
    doubled after an answer with few; and which accounts have had their events of this hour, until when."""

    last: dict[tuple[str, Filling], str]  # user id, by chain and work
    lengths: dict[tuple[str, str], int]  # blocks, by chain and user
    spent: dict[str, datetime]  # the next hour, by user

    def __init__(self) -> None:
        self.last = defaultdict(lambda: new_id("usr"))
        self.lengths = defaultdict(lambda: MAX_RANGE)
        self.spent = {}

    def shorter(self, one: Follow, by: int) -> None:
        self.lengths[one.chain, one.user_id] = max(1, by // 2)

    def longer(self, one: Follow) -> None:
        self.lengths[one.chain, one.user_id] = min(MAX_RANGE, 2 * self.lengths[one.chain, one.user_id])

    def waiting(self, now: datetime) -> list[str]:
        """The accounts whose budget of this hour is spent, in order."""
        self.spent = {user_id: until for user_id, until in self.spent.items() if until > now}
        return sorted(self.spent)


def next_account(session: Session, chain: str, work: Filling) -> list[Row]:
    """The entries of FOLLOWS_FILLING of the account whose turn it is; empty if no account has anything to fill. Those
    whose budget is spent are left out of the read, so they cost nothing."""
    turns = resources.memory(Turns)
    waiting = turns.waiting(resources.clock().now())
    last = turns.last[chain, work]
    entries = _after(session, chain, work, last, waiting) or _after(session, chain, work, "", waiting)
    if not entries:
        return []
    user_id = turns.last[chain, work] = entries[0]["user_id"]
    return [one for one in entries if one["user_id"] == user_id]


def _after(session: Session, chain: str, work: Filling, last: str, waiting: list[str]) -> list[Row]:
    skipped = [user_id for user_id in waiting if user_id > last][:MAX_SKIPPED]
    return session.many(FOLLOWS_FILLING.without((chain, work), skipped, after=last, limit=MAX_ADDRESSES))


def may_fill(user_id: str) -> bool:
    """Whether the account may have more events filled in during this hour. Otherwise it has no turns until the next
    one."""
    allowed = count(user_id, 1)
    if allowed:
        resources.limiter().give_back(_principal(user_id), resources.clock().now())
    return allowed


def count(user_id: str, events: int) -> bool:
    """Count events that are filled in; returns whether the account could have as many."""
    limiter = resources.limiter()
    rate = limiter.take(_principal(user_id), limiter.limit(LIMIT, LIMIT), resources.clock().now(), events)
    if not rate.allowed:
        resources.memory(Turns).spent[user_id] = datetime.fromtimestamp(rate.reset, UTC)
    return rate.allowed


def _principal(user_id: str) -> str:
    return f"{LIMIT}@{user_id}"
