"""What one order's whole life uses, counted: the quantities that docs/cost.md puts prices on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import pytest

from emulators.toolkit import ROOT
from shared import resources
from shared.adapters.cache import Cache, Entry
from shared.store.port import Database, Reader, StoreTransaction, Write
from tests.emulated.desk.world import Desk

T = TypeVar("T")


# Deleted again: the outbox at once, leases and timers when due, operations after three days, feed and inbox after 30.
PASSING = {"outbox", "operations", "inbox", "leases", "timers", "events"}


@dataclass
class Usage:
    """Counts everything that is billed, whichever thread does it."""

    rows: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    feeds: int = 0
    commits: int = 0
    cache: Counter[str] = field(default_factory=Counter)

    def note(self, writes: Sequence[Write]) -> None:
        self.commits += 1
        for write in writes:
            self.rows[write.table] += 1
            size = len(json.dumps(write.values, default=str))
            if write.kind == "insert" and write.table not in PASSING:
                self.kept += size
            self.feeds += size if write.table == "events" else 0


@dataclass
class CountedDatabase:
    """The database, noting what is committed (not what aborted runs buffered)."""

    inner: Database
    usage: Usage

    def snapshot(self, **options: Any) -> Reader:
        return self.inner.snapshot(**options)

    def transact(
        self, body: Callable[[StoreTransaction], T], *, optimistic: bool = False
    ) -> tuple[T, datetime]:
        run = _Run()

        def counted(transaction: StoreTransaction) -> T:
            run.writes, run.inner = [], transaction
            return body(run)

        answer = self.inner.transact(counted, optimistic=optimistic)
        self.usage.note(run.writes)
        return answer

    def write(self, writes: Sequence[Write]) -> datetime:
        self.usage.note(writes)
        return self.inner.write(writes)


class _Run:
    inner: StoreTransaction
    writes: list[Write]

    def read(self, *reads: Any) -> Any:
        return self.inner.read(*reads)

    def buffer(self, writes: Sequence[Write]) -> None:
        self.writes += writes
        self.inner.buffer(writes)


@dataclass
class CountedCache:
    inner: Cache
    usage: Usage

    def get(self, kind: str, identity: str) -> Entry | None:
        self.usage.cache["reads"] += 1
        return self.inner.get(kind, identity)

    def fill(self, kind: str, identity: str, entry: Entry) -> None:
        self.usage.cache["writes"] += 1
        self.inner.fill(kind, identity, entry)

    def expire(self, kind: str, identity: str, version: int) -> None:
        self.usage.cache["writes"] += 1
        self.inner.expire(kind, identity, version)

    def check(self) -> None:
        self.inner.check()


@pytest.fixture
def usage(desk: Desk) -> Iterator[Usage]:
    counted = Usage()
    database, cache = CountedDatabase(resources.database(), counted), CountedCache(resources.cache(), counted)
    with resources.override(database=database, cache=cache):
        yield counted


def test_an_orders_life_is_what_the_cost_model_says(desk: Desk, usage: Usage) -> None:
    """A supply of its own for each order is the dearest case. People and wallets are there before."""
    shopper, claimer = desk.person(), desk.claimer()
    desk.imported(shopper, ether=10)
    usage.__init__()  # type: ignore[misc]
    desk.published.sent.clear()

    desk.supply(shopper, "1")  # with one strong GET
    order = desk.order(shopper, "1")
    claim = desk.claimed(claimer, order["id"])
    desk.process(shopper, claim["id"])
    (accepted,) = [event["subject"] for event in desk.outbox() if event["type"] == "transaction.accepted"]
    desk.react("dispatch_lane", "transaction.accepted", accepted)
    desk.rpc("anvil_mine", "0x3")
    desk.drive(claim["id"], shopper)
    for path, user in ((f"/orders/{order['id']}", shopper), (f"/claims/{claim['id']}", claimer)):
        for _ in range(2):
            desk.app.ok(200, "GET", path, user=user)

    sent = desk.published.sent
    counted = {
        "requests": 9,  # four calls that change something, five that read
        "events": dict(sorted(Counter(envelope["type"] for _, envelope in sent).items())),
        "event_bytes": sum(max(1000, len(json.dumps(envelope))) for _, envelope in sent),
        "rows_written": sum(usage.rows.values()),
        "commits": usage.commits,
        "bytes_kept": usage.kept,
        "bytes_in_feeds": usage.feeds,
        "cache_reads": usage.cache["reads"],
        "cache_writes": usage.cache["writes"],
        "signatures": 1,
    }
    told = json.loads((ROOT / "infra" / "cost" / "usage.json").read_text())
    events = told.pop("events")
    same = counted.pop("events") == events
    assert same and counted == pytest.approx(told, rel=0.15, abs=3), (
        f"write into infra/cost/usage.json what is counted now, then `make cost`: {json.dumps(counted)}, {events}"
    )
