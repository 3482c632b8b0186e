"""Streams of events from one process: 2,000 clients (STREAMS) while 200 orders (ORDERS) run, as Server-Sent Events.
`streams_websocket` and `streams_grpc` measure the same over WebSockets and gRPC.

Server, clients and orders are three processes over the embedded store. Each client must see exactly its user's feed, in
order; times are from the commit to the client. The cost of a stream is the growth of the server's memory.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from emulators import ports, process
from emulators.stack import Stack
from emulators.toolkit import ROOT
from schemas.database import embedded
from shared import resources
from shared.feed import user_events
from shared.settings import load
from shared.store import event_rows
from shared.store.session import Session
from shared.store.sqlite import database as sqlite
from shared.store.tables.system import FEED
from tests.emulated.conftest import Recorder
from tests.emulated.desk.world import Desk
from tests.support.bench import Bench
from tests.support.bench_record import Figure
from tests.support.inprocess import App

STREAMS, ORDERS = int(os.environ.get("STREAMS", "2000")), int(os.environ.get("ORDERS", "200"))
SETTLED_KIB = 256.0  # the server's memory is settled when it changes by less in a second
SETTLE_SECONDS = 60.0
# The server of each kind, and the most KiB of memory that one stream may take.
SERVERS = {
    "sse": ("functions.stream_server", 64.0),
    "websocket": ("functions.stream_server", 96.0),
    "grpc": ("functions.grpc_server", 192.0),
}


@dataclass
class World(Bench):
    """The product on the embedded store, and the server's process."""

    server: process.Child | None = None
    url: str = ""
    node: str = ""
    kind: str = "sse"
    said: list[str] = field(default_factory=list)  # for callers in code

    def keep(self, found: Figure, said: str = "") -> None:
        self.said.append(f"{found.what} {found.value:,.4g} {found.unit}".strip())
        super().keep(found, said)


@contextmanager
def product(name: str) -> Iterator[World]:
    """The product over its own store, and a listening server of the kind at the end of the name."""
    kind = name.partition("_")[2] or "sse"
    temporary = tempfile.TemporaryDirectory(prefix=f"bench-{name}-")
    with temporary as text, Stack.start(Path(text) / "logs", ["node"]) as stack:
        folder = Path(text)
        file = folder / "store.sqlite"
        embedded.apply(file)
        env = stack.env | {
            "EMBEDDED": "spanner,pubsub,firestore",
            "EMBEDDED_FILE": str(file),
            "STATE_DIR": text,
            "FUNCTION_TARGET": "trust_streams",
            "HOST": "127.0.0.1",
            "PYTHONPATH": str(ROOT),
        }
        os.environ.update(env)
        recorder, database = Recorder(), sqlite.connect(file)
        chosen = replace(load(), push_token="push-token")
        with resources.override(fresh=True, settings=chosen, database=database, publisher=recorder):
            resources.tokens()  # creates the keys that the server reads
            with ports.reserve() as (port, lock):
                command = [sys.executable, "-m", SERVERS[kind][0]]
                server = process.spawn(
                    "streams", command, folder / "server.log", env={"PORT": str(port)}, keep=[lock]
                )
            url = f"http://127.0.0.1:{port}"
            try:
                _wait(port, server)
                yield World(App(), recorder, server=server, url=url, node=env["RPC_URL"], kind=kind)  # type: ignore[arg-type]
            finally:
                process.stop([server])


def run(bench: World) -> None:
    assert bench.server is not None
    desk = Desk(bench.app, bench.published, bench.node)  # type: ignore[arg-type]
    shoppers, claimers = [desk.shopper() for _ in range(ORDERS)], [desk.claimer() for _ in range(ORDERS)]
    idle = [desk.person("idle") for _ in range(max(0, STREAMS - 2 * ORDERS))]
    people = [*shoppers, *claimers, *idle][:STREAMS]
    with _clients(bench, people[-1:]):
        pass  # keep the first stream's imports out of the measurement
    before, began = _settled_kib(bench.server), time.monotonic()
    with _clients(bench, people) as clients:
        bench.figure(f"{STREAMS:,} streams open after", time.monotonic() - began, "s")
        each = (_settled_kib(bench.server) - before) / STREAMS
        calm = _busy(bench.server, 10.0)
        bench.figure("processor with nothing to tell", 100 * calm, "% of a core")
        began, start = time.monotonic(), time.time()
        with ThreadPoolExecutor(2) as threads:
            list(
                threads.map(
                    lambda pair: desk.claimed(pair[1], desk.order(pair[0], "0.1")["id"]),
                    zip(shoppers, claimers, strict=True),
                )
            )
        bench.figure(f"{ORDERS} orders placed and claimed in", time.monotonic() - began, "s")
        desk.order(shoppers[0], "0.1")  # an event that comes twice or to the wrong user comes before these
        said = clients({user: len(rows) for user, rows in _feeds(people).items()})
    assert said["broken"] == 0, f"{said['broken']} streams broke off"
    told, delays = _compare(said["seen"], start)
    bench.figure("events told, each to its user only, in order", told, "")
    delays.sort()
    bench.median("from commit to client, median", [one * 1e3 for one in delays], "ms")
    p99 = delays[int(len(delays) * 0.99)]
    bench.figure("from commit to client, 99 of 100", p99 * 1e3, "ms")
    bench.limit("from commit to client, 99 of 100, of a second", p99, 1.5)
    bench.figure("memory of a stream", each, "KiB")
    most = SERVERS[bench.kind][1]
    bench.limit(f"memory of a stream, of {most:g} KiB", each / most, 1.0)


def _compare(seen: dict[str, list[list[Any]]], start: float) -> tuple[int, list[float]]:
    """Count the events, and compute how long each event after `start` took to its client."""
    told, delays = 0, []
    for user, rows in _feeds(seen).items():
        events = seen[user]
        assert [one[:3] for one in events] == [
            [user_events.with_cursor(r)[1], r.envelope["id"], r.subject] for r in rows
        ]
        told += len(rows)
        for row, event in zip(rows, events, strict=True):
            if row.committed_at.timestamp() >= start:
                delays.append(event[3] - row.committed_at.timestamp())
    return told, delays


def _feeds(people: Iterable[str]) -> dict[str, list[Any]]:
    """The feed that each user should see."""
    session = Session(resources.database().snapshot())
    return {user: event_rows.feed_events(session.many(FEED.scan(user))) for user in people}


@contextmanager
def _clients(bench: World, people: list[str]) -> Iterator[Any]:
    tokens = {user: bench.app.token(user) for user in people}
    command = [sys.executable, "-m", "tests.support.stream_clients", bench.kind, bench.url]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(json.dumps(tokens) + "\n")
        child.stdin.flush()
        assert child.stdout.readline() == "open\n"

        def end(wanted: dict[str, int]) -> Any:
            assert child.stdin is not None and child.stdout is not None
            child.stdin.write(json.dumps(wanted) + "\n")
            child.stdin.flush()
            return json.loads(child.stdout.readline())

        try:
            yield end
        finally:
            child.kill()


def _wait(port: int, server: process.Child) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert server.alive and time.monotonic() < deadline, process.tail(server.log)
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)


def _kib(server: process.Child) -> float:
    """The server's memory in KiB."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith("VmRSS")).split()[1])


def _settled_kib(server: process.Child) -> float:
    """The server's memory in KiB once it hardly changes any more."""
    deadline, before = time.monotonic() + SETTLE_SECONDS, _kib(server)
    while True:
        time.sleep(1.0)
        now = _kib(server)
        if abs(now - before) < SETTLED_KIB:
            return now
        assert time.monotonic() < deadline, "the server's memory keeps changing"
        before = now


def _busy(server: process.Child, seconds: float) -> float:
    """The share of a core that it used in this time."""

    def used() -> float:
        fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before = used()
    time.sleep(seconds)
    return (used() - before) / seconds
