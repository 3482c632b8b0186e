"""Count what one order's whole life uses: the quantities that docs/cost.md prices."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import pytest

from emulators.toolkit import ROOT
from shared import resources
from shared.adapters.cache import Cache, Entry
from shared.runtime.context import current_or_none
from shared.store.port import Database, Reader, StoreTransaction, Write
from shared.store.table import INDEXES, TABLES
from shared.telemetry import logs
from shared.triggers import entrypoint
from tests.emulated.desk.world import Desk

T = TypeVar("T")


# Rows that are deleted later: the outbox at once, leases and timers when due, operations after three days,
# feed and inbox after 30.
LOOPS = "tick_chain"  # its processor is paid in any case
PASSING = {"outbox", "operations", "inbox", "leases", "timers", "events"}


@dataclass
class Usage:
    """Counts everything that is billed, on every thread."""

    rows: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    feeds: int = 0
    commits: int = 0
    passes: int = 0
    waits: Counter[str] = field(default_factory=Counter)  # for Spanner, in services billed by time
    cache: Counter[str] = field(default_factory=Counter)
    documents: set[tuple[str, str]] = field(default_factory=set)

    def note(self, writes: Sequence[Write]) -> None:
        if {write.table for write in writes} == {"leases"}:
            self.passes += 1  # a schedule's pass, with or without orders
            return
        self.commits += 1
        if not _in_the_loop() and any(write.table != "outbox" for write in writes):
            self.waits["commits"] += 1
        for write in writes:
            self.rows[write.table] += 1
            if write.kind == "insert" and write.table not in PASSING:
                self.kept += stored(write)
            self.feeds += stored(write) if write.table == "events" else 0

    def read(self) -> None:
        if current_or_none() is not None and not _in_the_loop():
            self.waits["reads"] += 1


def _in_the_loop() -> bool:
    context = current_or_none()
    return context is not None and context.operation == LOOPS


def stored(write: Write) -> int:
    """The bytes of a row with its index entries; a null-filtered index has no entry if a key column is null."""
    row = dict(zip(write.columns, write.values, strict=True))
    table, size = TABLES[write.table], _bytes(row.values())
    for index in INDEXES.values():
        columns = {index.table.column(name) for name in (*index.key, *index.table.key, *index.stored)}
        keys = [row.get(index.table.column(name)) for name in index.key]
        if index.table is table and not (index.null_filtered and None in keys):
            size += _bytes(row[name] for name in columns if name in row)
    return size


def _bytes(values: Iterable[Any]) -> int:
    return sum(len(json.dumps(value, default=str)) for value in values)


@dataclass
class CountedDatabase:
    """The database; it records committed writes (not those buffered by aborted runs)."""

    inner: Database
    usage: Usage

    def snapshot(self, **options: Any) -> Reader:
        return _Snapshot(self.inner.snapshot(**options), self.usage)

    def transact(
        self, body: Callable[[StoreTransaction], T], *, optimistic: bool = False
    ) -> tuple[T, datetime]:
        run = _Run(self.usage)

        def counted(transaction: StoreTransaction) -> T:
            run.writes, run.inner = [], transaction
            return body(run)

        answer = self.inner.transact(counted, optimistic=optimistic)
        self.usage.note(run.writes)
        return answer

    def write(self, writes: Sequence[Write]) -> datetime:
        self.usage.note(writes)
        return self.inner.write(writes)


@dataclass
class _Snapshot:
    inner: Reader
    usage: Usage

    def read(self, *reads: Any) -> Any:
        self.usage.read()
        return self.inner.read(*reads)


class _Run:
    inner: StoreTransaction
    writes: list[Write]

    def __init__(self, usage: Usage) -> None:
        self.usage = usage

    def read(self, *reads: Any) -> Any:
        rows = self.inner.read(*reads)
        self.usage.read()  # not if a first, blind run ends because it needs a read
        return rows

    def buffer(self, writes: Sequence[Write]) -> None:
        self.writes += writes
        self.inner.buffer(writes)


@dataclass
class CountedCache:
    inner: Cache
    usage: Usage

    def get(self, kind: str, identity: str) -> Entry | None:
        self.usage.cache["reads"] += 1
        entry = self.inner.get(kind, identity)
        self.usage.cache["misses"] += entry is None
        return entry

    def fill(self, kind: str, identity: str, entry: Entry) -> None:
        self._wrote(kind, identity)
        self.inner.fill(kind, identity, entry)

    def expire(self, kind: str, identity: str, version: int) -> None:
        self._wrote(kind, identity)
        self.inner.expire(kind, identity, version)

    def check(self) -> None:
        self.inner.check()

    def _wrote(self, kind: str, identity: str) -> None:
        self.usage.cache["writes"] += 1
        self.usage.documents.add((kind, identity))


@pytest.fixture
def usage(desk: Desk) -> Iterator[Usage]:
    counted = Usage()
    database, cache = CountedDatabase(resources.database(), counted), CountedCache(resources.cache(), counted)
    with resources.override(database=database, cache=cache):
        yield counted


@dataclass
class Traffic:
    """Traffic to people and into the log."""

    answered: int = 0
    lines: list[str] = field(default_factory=list)


@pytest.fixture
def traffic(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Traffic:
    """Count answers with their headers, and the log lines of runs."""
    found, answer, formatter = Traffic(), entrypoint.answer, logs.JsonFormatter()

    def counted(operation: Any, request: Any) -> Any:
        reply = answer(operation, request)
        if request.path.startswith("/api/"):
            found.answered += len(reply.body) + _bytes(
                item for pair in reply.headers.items() for item in pair
            )
        return reply

    def written(message: str, **more: Any) -> None:
        record = logs._log.makeRecord(
            "shared.telemetry.logs", 20, "", 0, message, (), None, None, more["extra"]
        )
        found.lines.append(formatter.format(record))

    monkeypatch.setattr("tests.support.inprocess.entrypoint.answer", counted)
    monkeypatch.setattr(logs._log, "info", written)
    return found


def test_an_orders_life_is_what_the_cost_model_says(desk: Desk, usage: Usage, traffic: Traffic) -> None:
    """A separate supply for each order is the most expensive case. People and wallets exist; nobody has endpoints."""
    shopper, claimer = desk.person(), desk.claimer()
    desk.imported(shopper, ether=10)
    usage.__init__()  # type: ignore[misc]
    traffic.__init__()  # type: ignore[misc]
    desk.published.sent.clear()

    desk.supply(shopper, "1")  # with one strong GET
    order = desk.order(shopper, "1")
    claim = desk.claimed(claimer, order["id"])
    desk.process(shopper, claim["id"])
    (accepted,) = [event["subject"] for event in desk.outbox() if event["type"] == "transaction.accepted"]
    desk.react("dispatch_lane", "transaction.accepted", accepted)
    desk.rpc("anvil_mine", "0x3")
    calls = traffic.answered, Counter(usage.waits)
    desk.drive(claim["id"], shopper)
    traffic.answered, usage.waits = calls  # without its polls, as many as the chain takes
    for path, user in ((f"/orders/{order['id']}", shopper), (f"/claims/{claim['id']}", claimer)):
        for _ in range(2):
            desk.app.ok(200, "GET", path, user=user)

    sent = desk.published.sent
    assert {envelope["wakes"] for _, envelope in sent} == {"no"}
    counted = {
        "requests": 9,
        "writes": 4,  # of them
        "events": dict(sorted(Counter(envelope["type"] for _, envelope in sent).items())),
        "event_bytes": sum(max(1000, len(json.dumps(envelope))) for _, envelope in sent),
        "rows_written": sum(usage.rows.values()),
        "commits": usage.commits,
        "bytes_kept": usage.kept,
        "bytes_in_feeds": usage.feeds,
        "cache_reads": usage.cache["reads"],
        "cache_misses": usage.cache["misses"],
        "cache_writes": usage.cache["writes"],
        "cache_documents": len(usage.documents),
        "signatures": 1,
        "waits_for_reads": usage.waits["reads"],
        "waits_for_commits": usage.waits["commits"],
        "answer_bytes": traffic.answered,
        "log_bytes_per_run": sum(map(len, traffic.lines)) // len(traffic.lines),
    }
    told = json.loads((ROOT / "infra" / "cost" / "usage.json").read_text())
    events = told.pop("events")
    seen = counted.pop("events")
    same = seen == events
    assert same and counted == pytest.approx(told, rel=0.05, abs=3), (
        f"write into infra/cost/usage.json what is counted now, then `make cost`: {json.dumps(counted)}, "
        f"{json.dumps(seen)}"
    )
