"""Ten thousand people with pauses between their calls, over HTTP, with the latencies of dependencies in one region.

Two servers, two clients and the node share the machine. The store is embedded, and waits are injected for Spanner,
Firestore and Pub/Sub (tests/support/slow_server.py). The load is closed-loop: each client waits for an answer before
the next call. The follow-ups of events run in the first server, as pushes.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from emulators import ports, process
from emulators.toolkit import ROOT
from shared import resources
from shared.domain.desk.orders import OrderItem
from shared.store.port import Write
from shared.store.sqlite import database as sqlite
from shared.store.tables.orders import ORDER_ITEMS, ORDERS
from tests.bench.desk_lists import _order
from tests.bench.processor import product
from tests.emulated.desk.world import Desk
from tests.support import grown_store
from tests.support.bench import Bench
from tests.support.bench_record import Figure
from tests.support.many_users import Person

__all__ = ["product", "run"]

USERS, SHOPPERS = int(os.environ.get("USERS", "10000")), int(os.environ.get("SHOPPERS", "200"))
THINKS = [
    float(one) for one in os.environ.get("THINK", "600 150").split()
]  # seconds between a person's visits
WARM, SECONDS = (float(os.environ.get(name, value)) for name, value in (("WARM", "20"), ("SECONDS", "60")))
PROCESSES = 2  # servers, and as many clients
OPEN_ORDERS = 5_000  # orders that can be claimed
KINDS = ("cached read", "read", "list", "order", "claim")
ARTICLES = {"order": "an"}
GOAL = 100.0  # ms, the 99th percentile
SHARES = {0.5: "p50", 0.99: "p99", 0.999: "p999"}


def run(bench: Bench) -> None:
    desk = Desk(bench.app, bench.published, os.environ["RPC_URL"])  # type: ignore[arg-type]
    people = _people(bench, desk)
    with _servers() as (urls, servers):
        for think in THINKS:
            plans = [_plan(bench, urls, people[part::PROCESSES], part, think) for part in range(PROCESSES)]
            print(
                f"  {USERS:,} people, a visit of three calls each {think:g} s, {SECONDS:g} s long", flush=True
            )
            before = [_used(one) for one in servers]
            seen = _crowds(bench, plans)
            spent = sum(_used(one) for one in servers) - sum(before)
            _told(bench, f"a visit every {think:g} s", seen, spent)


def _told(bench: Bench, pace: str, seen: list[dict[str, Any]], spent: float) -> None:
    times: dict[str, list[float]] = {}
    statuses: Counter[str] = Counter()
    for part in seen:
        statuses.update(part["statuses"])
        for kind, taken in part["times"].items():
            times.setdefault(kind, []).extend(taken)
    for kind in KINDS:
        ordered = sorted(times[kind])
        for share, name in SHARES.items():
            value = ordered[min(len(ordered) - 1, int(share * len(ordered)))]
            figure = Figure(f"{pace}: {name} of {ARTICLES.get(kind, 'a')} {kind}", value, "ms")
            if name == "p99":
                figure = replace(figure, than="goal", beside=GOAL, ratio=value / GOAL, goal=1.0)
            bench.keep(figure, f"{figure.what}: {value:,.4g} ms")
    calls = sum(statuses.values())
    used = 100 * spent / (WARM + SECONDS)
    bench.figure(f"{pace}: calls", calls / SECONDS, "a second")
    bench.figure(f"{pace}: not answered as they should be", _wrong(statuses), f"of {calls:,}")
    bench.figure(f"{pace}: processor of both servers, follow-ups included", used, "% of a core")
    late = [value for part in seen for value in part["late"]]
    bench.figure(f"{pace}: clients behind their own plan, p99", sorted(late)[int(0.99 * len(late))], "ms")


def _wrong(statuses: Counter[str]) -> int:
    good = ("200", "201", "204")
    return sum(count for name, count in statuses.items() if not name.endswith(good))


def _people(bench: Bench, desk: Desk) -> list[tuple[str, str, bool]]:
    """(user, one of their orders, whether they place orders), and open orders of somebody else."""
    shoppers = [desk.shopper(ether=10, supply="9") for _ in range(SHOPPERS)]
    others = [f"usr_{number:05}_{secrets.token_hex(3)}" for number in range(USERS - SHOPPERS)]
    for start in range(0, len(others), 1_000):
        desk.wallets(others[start : start + 1_000])
    people, writes = [], []
    for number, user in enumerate([*shoppers, *others]):
        order = _order(user, datetime.now(UTC))
        writes += [ORDERS.write("insert", order)]
        writes += [ORDER_ITEMS.write("insert", OrderItem(order.id, 0, "sku", "A thing", 10**15, 1, 10**15))]
        people.append((user, order.id, number < SHOPPERS))
    _stored(writes)
    seller = desk.shopper(ether=10, supply="9")
    copied = desk.order(seller, "0.001")["id"]
    database = resources.database()
    assert isinstance(database, sqlite.SqliteDatabase)
    grown_store.multiply(database.file, _Copies(copied), 0, OPEN_ORDERS)
    return people


class _Copies:
    table = "orders"

    def __init__(self, order: str) -> None:
        self.where = f"order_id = '{order}'"
        self.changes = {"order_id": f"'ord_' || {grown_store.SPREAD}", "created_at": 'o."created_at" + {i}'}


def _stored(writes: list[Write]) -> None:
    for start in range(0, len(writes), 2_000):
        resources.database().write(writes[start : start + 2_000])


@contextmanager
def _servers() -> Iterator[tuple[list[str], list[process.Child]]]:
    folder = Path(resources.settings().state_dir)
    servers, urls = [], []
    with ExitStack() as held:
        for number in range(PROCESSES):
            port, lock = held.enter_context(ports.reserve())
            env = {
                "PORT": str(port),
                "PUSH_TOKEN": "push-token",
                "PYTHONPATH": str(ROOT),
                "LOG_FORMAT": "json",
                "WORK_AFTER_ANSWERS": "on",  # as in services that write
            }
            env |= {"SCHEDULES": "on" if number == 0 else "off"}
            command = [sys.executable, "-m", "tests.support.slow_server"]
            server = process.spawn(
                f"server {number}", command, folder / f"server{number}.log", env=env, keep=[lock]
            )
            servers.append(server)
            urls.append(f"http://127.0.0.1:{port}")
    try:
        for server, url in zip(servers, urls, strict=True):
            _wait(server, url)
        yield urls, servers
    finally:
        process.stop(servers)


def _wait(server: process.Child, url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert server.alive and time.monotonic() < deadline, process.tail(server.log)
        try:
            if httpx.get(f"{url}/ready", timeout=10).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)


def _plan(bench: Bench, urls: list[str], people: list[tuple[str, str, bool]], part: int, think: float) -> str:
    every = [
        asdict(Person(bench.app.token(user), urls[number % len(urls)], order, shops))
        for number, (user, order, shops) in enumerate(people)
    ]
    return json.dumps({"people": every, "think": think, "warm": WARM, "seconds": SECONDS, "seed": part})


def _crowds(bench: Bench, plans: list[str]) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.support.many_users"]
    crowds = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for _ in plans
    ]
    try:
        for crowd, plan in zip(crowds, plans, strict=True):
            assert crowd.stdin is not None
            crowd.stdin.write(plan + "\n")
            crowd.stdin.flush()
        began = time.monotonic()
        while time.monotonic() < began + WARM + SECONDS:
            bench.progress("seconds", int(time.monotonic() - began), int(WARM + SECONDS))
            time.sleep(0.5)
        return [json.loads(crowd.communicate(timeout=60)[0]) for crowd in crowds]
    finally:
        for crowd in crowds:
            crowd.kill()


def _used(server: process.Child) -> float:
    """Seconds of processor time so far."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
