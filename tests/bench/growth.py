"""How the cost of frequent operations grows with the number of rows: from 1,000 to 1,000,000, on the embedded store.

Each size is measured in turns with a store of 1,000 rows. Rows are copies of real ones, inserted in bulk by SQL. The
embedded store has the same indexes as Spanner, so that a read without an index shows here. How Spanner itself grows
does not show.
"""

from __future__ import annotations

import itertools
import os
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from functions.maintenance import sweep_outbox
from shared import resources
from shared.contracts.events import run as index_run
from shared.reads import pagination
from shared.runtime.context import running
from shared.runtime.sqlite_file import SqliteFile
from shared.store.sqlite import values
from shared.store.tables.orders import ORDERS_BY_OWNER
from shared.store.tables.system import OUTBOX_BEGINS, TIMER_SHARDS
from tests.bench.index import Followed, _follow
from tests.bench.processor import product
from tests.emulated.desk.world import Desk
from tests.emulated.engine.world import as_system
from tests.support import grown_store
from tests.support.bench import Bench, Ready
from tests.support.bench_record import Chart

__all__ = ["product", "run"]

SIZES = [int(one) for one in os.environ.get("ROWS", "1000 10000 100000 1000000").split()]
ROUNDS = 30
DUE = 20  # expired orders per sweep
# The benchmark's own statements name the shards, as the sweep does; without them, they would read every timer.
IN_SHARDS = f"shard IN ({', '.join(map(str, range(TIMER_SHARDS)))})"
CHART = Chart("rows", "Milliseconds by the rows that are there", "rows", "ms, median and quartiles", {})
PAGE = {"limit": "100"}


def run(bench: Bench) -> None:
    desk = Desk(bench.app, bench.published, os.environ["RPC_URL"])  # type: ignore[arg-type]
    shopper = desk.shopper(ether=1_000, supply=None)
    desk.supply(shopper, "900")
    claimers = [desk.person("claimer") for _ in range(len(SIZES) * (ROUNDS + grown_store.WARM))]
    desk.wallets(claimers)
    bench.published.failing = True  # this order's event stays in the outbox
    order = desk.order(shopper, "0.001")["id"]
    bench.published.failing = False
    template = Path(resources.settings().embedded_file)
    events = Events.of(bench)
    orders = (
        Claims(bench, order, claimers),
        Listing(bench, order, shopper),
        Deep(bench, order, shopper),
        Available(bench, order, claimers[0]),
    )
    for subjects in (orders, (Expiry(bench, desk, shopper, order),), (Relay(order),)):
        grown_store.measure(bench, subjects, template, SIZES, CHART)
    with resources.override(registry=events.registry):
        grown_store.measure(bench, (events, EventList(bench, events)), template, SIZES, CHART)


class _Orders:
    """Open orders of one shopper, older than the orders that the benchmark itself places."""

    table, rounds = "orders", ROUNDS

    def __init__(self, bench: Bench, order: str, what: str, user: str = "") -> None:
        self.bench, self.what, self.user = bench, what, user
        self.where = f"order_id = '{order}'"
        self.changes = {
            "order_id": f"'ord_' || {grown_store.SPREAD}", "created_at": 'o."created_at" - 4000000000 + {i} * 1000'
        }  # fmt: skip


def _good(bench: Bench, method: str, path: str, *, user: str, query: dict[str, str]) -> Ready:
    call = bench.request(method, path, query=query, user=user)

    def answered() -> None:
        reply = call()
        assert reply.status == 200, reply.body

    return answered


class Claims(_Orders):
    def __init__(self, bench: Bench, order: str, claimers: list[str]) -> None:
        super().__init__(bench, order, "claims/next")
        self.claimers: dict[str, Any] = {name: iter(claimers) for name in ("few", "many")}

    def ready(self, name: str, file: SqliteFile) -> Ready:
        key = {"Idempotency-Key": str(uuid.uuid4())}
        call = self.bench.request("POST", "/claims/next", {}, user=next(self.claimers[name]), headers=key)

        def claim() -> None:
            reply = call()
            assert reply.status == 201, reply.body

        return claim


class Listing(_Orders):
    def __init__(self, bench: Bench, order: str, user: str) -> None:
        super().__init__(bench, order, "a list's first page of 100", user)

    def ready(self, name: str, file: SqliteFile) -> Ready:
        return _good(self.bench, "GET", "/orders", query=PAGE, user=self.user)


class Deep(_Orders):
    def __init__(self, bench: Bench, order: str, user: str) -> None:
        super().__init__(bench, order, "a list's page in the middle", user)
        self.cursors: dict[tuple[str, int], str] = {}

    def ready(self, name: str, file: SqliteFile) -> Ready:
        ((count,),) = grown_store.execute(file, "SELECT count(*) FROM orders")
        assert isinstance(count, int)
        if (name, count) not in self.cursors:
            sql = "SELECT created_at, order_id FROM orders WHERE user_id = ? ORDER BY created_at DESC LIMIT 1 OFFSET ?"
            ((created, order),) = grown_store.execute(file, sql, self.user, count // 2)
            behind = (values.moment(created), order)  # type: ignore[arg-type]
            self.cursors[name, count] = pagination.encode(
                [ORDERS_BY_OWNER.name, self.user, False, []], behind
            )
        query = PAGE | {"cursor": self.cursors[name, count]}
        return _good(self.bench, "GET", "/orders", query=query, user=self.user)


class Available(_Orders):
    def __init__(self, bench: Bench, order: str, user: str) -> None:
        super().__init__(bench, order, "open orders of others, first page", user)

    def ready(self, name: str, file: SqliteFile) -> Ready:
        return _good(self.bench, "GET", "/orders/available", query=PAGE, user=self.user)


class Expiry:
    """A run that expires twenty orders among this many timers that are not due."""

    what = f"expiry sweep of {DUE} orders"
    table, rounds = "timers", 12

    def __init__(self, bench: Bench, desk: Desk, shopper: str, order: str) -> None:
        self.bench, self.desk, self.shopper = bench, desk, shopper
        desk.order(shopper, "0.001", expires_at=_later())
        self.where = "kind = 'order_expiry'"
        self.changes = {
            "shard": "{i} % 16",
            "due_at": 'o."due_at" + 86400000000 + {i}',
            "subject": f"'ord_' || {grown_store.SPREAD}",
        }

    def ready(self, name: str, file: SqliteFile) -> Ready:
        due = [self.desk.order(self.shopper, "0.001", expires_at=_later())["id"] for _ in range(DUE)]
        past = values.micros(datetime.now(UTC) - timedelta(seconds=5))
        soon = values.micros(datetime.now(UTC) + timedelta(hours=2))
        due_now = f"UPDATE timers SET due_at = ? WHERE {IN_SHARDS} AND due_at < ? AND subject = ?"  # noqa: S608
        for order in due:
            grown_store.execute(file, "UPDATE orders SET expires_at = ? WHERE order_id = ?", past, order)
            grown_store.execute(file, due_now, past, soon, order)

        def sweep() -> None:
            assert self.bench.app.schedule("fire_timers").status < 300
            still_due = f"SELECT count(*) FROM timers WHERE {IN_SHARDS} AND due_at <= ?"  # noqa: S608
            left = grown_store.execute(file, still_due, past)
            assert left == [(0,)], left

        return sweep


def _later() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


class Relay:
    """A page of a shard's backlog: 500 events read, published and deleted."""

    what = "relay of a page of 500 events"
    table, rounds = "outbox", 12

    def __init__(self, order: str) -> None:
        self.where = f"envelope LIKE '%{order}%'"
        self.changes = {
            "shard": "3", "committed_at": 'o."committed_at" - 7200000000 + {i}', "id": f"'evt_' || {grown_store.SPREAD}"
        }  # fmt: skip
        self.numbers = itertools.count(100_000_000, sweep_outbox.BATCH)

    def ready(self, name: str, file: SqliteFile) -> Ready:
        first = next(self.numbers)
        grown_store.multiply(
            file, self, first, first + sweep_outbox.BATCH
        )  # for the events that are published now

        def sweep() -> None:
            going = sweep_outbox._sweep({3: (OUTBOX_BEGINS,)}, {}, datetime.now(UTC))
            assert going, "less than a page was there"

        return sweep


CHAIN = "bench100"


class Events:
    """A block of a hundred events, added to this many earlier ones."""

    what = "index of a block of 100 events"
    table, rounds = "contract_events", 12
    where = f"chain = '{CHAIN}'"

    def __init__(self, registry: Any, chains: dict[str, Followed]) -> None:
        self.registry, self.chains = registry, chains
        self.changes = {
            "block_hash": "printf('old%061d', {i} / 100)", "log_index": "{i} % 100", "block_number": "{i} % 5",
            "address": f"'{chains['few'].model.addresses[0]}'",
        }  # fmt: skip

    @classmethod
    def of(cls, bench: Bench) -> Events:
        """Create the subject; the template gets the follows and a first block with events."""
        known = resources.registry()
        chains = {name: Followed.of(100, known.chains["local"]) for name in ("few", "many")}
        spec = chains["few"].client.spec
        registry = type(known)(type(known.chains)({**known.chains, CHAIN: spec}))
        _follow(CHAIN, chains["few"].model.addresses)
        made = cls(registry, chains)
        with resources.override(registry=registry):
            first = Followed.of(100, known.chains["local"])
            made._pass(first)
            first.model.mine()
            made._pass(first)
        for one in chains.values():
            one.model.mine()
        return made

    def ready(self, name: str, file: SqliteFile) -> Ready:
        one = self.chains[name]
        one.model.mine()
        return lambda: self._pass(one)

    def _pass(self, one: Followed) -> None:
        with resources.override(**{f"chain:{CHAIN}": one.client}), running(as_system("index_chain", 600)):
            assert index_run.run_pass(one.client)


class EventList(Events):
    """The newest events of a contract that has this many."""

    what = "a contract's newest 100 events"
    rounds = ROUNDS

    def __init__(self, bench: Bench, events: Events) -> None:
        super().__init__(events.registry, events.chains)
        self.bench = bench

    def ready(self, name: str, file: SqliteFile) -> Ready:
        return _good(self.bench, "GET", f"/contracts/ctr_{CHAIN}_0/events", query=PAGE, user="usr_0")
