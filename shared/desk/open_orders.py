"""Open orders of other users, merged from all shards by age."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from shared import resources
from shared.desk import supplies
from shared.domain.errors import Refusal
from shared.store.port import Key, Row
from shared.store.session import Session
from shared.store.table import Index
from shared.store.tables.orders import OPEN_SHARDS, ORDERS_AVAILABLE, ORDERS_OPEN

SCANNED = 5_000  # entries per call of the list; its cursor continues
SEARCHED = 20_000  # entries of one search for an order to claim, which has no cursor


class NoneAmongOldest(Refusal):
    """`data.searched` orders were searched."""

    code, status = "NONE_AMONG_OLDEST", 409
    message = (
        "None of the oldest open orders matches, but there are more: list what is available, claim by id."
    )


@dataclass(frozen=True, slots=True)
class Criteria:
    """The criteria for an order; `min_amount` is in the unit of its currency."""

    chain: str
    currency: str | None
    min_amount: Decimal
    not_of: str

    @classmethod
    def of(cls, chain: str | None, currency: str | None, min_amount: str | None, not_of: str) -> Criteria:
        """Parse the criteria. Raises UnknownChain, UnsupportedCurrency."""
        name = resources.registry().chain(chain or resources.settings().default_chain).name
        symbol = None if currency is None else supplies.asset_of(name, currency).symbol
        return cls(name, symbol, Decimal(min_amount or 0), not_of)

    def fits(self, entry: Row, now: datetime) -> bool:
        """Whether the order of an index entry may be claimed by this caller now."""
        return (
            entry["user_id"] != self.not_of
            and entry["chain"] == self.chain
            and self.currency in (None, entry["currency"])
            and Decimal(entry["amount"]).scaleb(-entry["decimals"]) >= self.min_amount
            and (entry["expires_at"] is None or entry["expires_at"] > now)
        )


def oldest(criteria: Criteria, count: int) -> list[Row]:
    """The oldest matching entries; empty only if every shard was read to its end. Raises NoneAmongOldest."""
    now = resources.clock().now()
    merged = heapq.merge(*_shards(ORDERS_OPEN, None, count), key=lambda e: (e["created_at"], e["order_id"]))
    searched = islice(merged, SEARCHED)
    found = list(islice((entry for entry in searched if criteria.fits(entry, now)), count))
    if not found and next(merged, None) is not None:
        raise NoneAmongOldest(searched=SEARCHED)
    return found


def newest(criteria: Criteria, after: Key | None, count: int) -> tuple[list[Row], Row | None]:
    """Up to `count` matching entries after a position, and the entry after which the next page starts."""
    now = resources.clock().now()
    shards = _shards(ORDERS_AVAILABLE, after, count)
    merged = heapq.merge(*shards, key=lambda e: (-e["created_at"].timestamp(), e["order_id"]))
    fitting: list[Row] = []
    for scanned, entry in enumerate(merged, 1):
        if criteria.fits(entry, now):
            if len(fitting) == count:
                return fitting, fitting[-1]
            fitting.append(entry)
        if scanned == SCANNED:
            return fitting, entry
    return fitting, None


def _shards(index: Index[Any], after: Key | None, count: int) -> list[Iterator[Row]]:
    """Each shard's entries in index order. The first entries of all shards are read together; a shard is read again
    when its entries run out."""
    session = Session(resources.database().snapshot())
    size = 4 + count // 8  # twice what a shard has on average, and a few: a second read is rare
    shards = range(OPEN_SHARDS)
    first = session.read_all([index.scan(shard, after=after, limit=size) for shard in shards])
    return [_more(session, index, shard, rows, size) for shard, rows in zip(shards, first, strict=True)]


def _more(session: Session, index: Index[Any], shard: int, rows: list[Row], size: int) -> Iterator[Row]:
    while rows:
        yield from rows
        if len(rows) < size:
            return
        last = rows[-1]
        size = min(8 * size, 500)
        rows = session.many(index.scan(shard, after=(last["created_at"], last["order_id"]), limit=size))
