"""The same calls over HTTP and over gRPC: a cached read and an order, over connections that stay open.

One process over the embedded store serves both protocols; they take turns.
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx

from emulators import ports, process
from emulators.toolkit import ROOT
from schemas.contract import generated, protobuf
from shared import resources
from shared.runtime import operation
from shared.triggers.rpc.methods import Methods
from tests.bench.processor import product
from tests.emulated.desk.world import Desk
from tests.support.bench import Bench, Ready

__all__ = ["product", "run"]

ROUNDS = int(os.environ.get("ROUNDS", "200"))
MOST = 1.5  # times the duration over HTTP
ITEM = {"product_id": "sku", "product_name": "A thing", "price": "0.001", "quantity": 1}
PLACED = {"currency": "ETH", "items": [ITEM]}


def run(bench: Bench) -> None:
    desk = Desk(bench.app, bench.published, os.environ["RPC_URL"])  # type: ignore[arg-type]
    shopper = desk.shopper(ether=1_000, supply="900")
    order = desk.order(shopper, "0.001")["id"]
    token = f"Bearer {bench.app.token(shopper)}"
    with (
        _gateway() as (url, address),
        httpx.Client(base_url=f"{url}/api/v1") as client,
        grpc.insecure_channel(address) as channel,
    ):
        doors = Doors(client, channel, token)
        for what, name, method, path, data, rounds in (
            ("cached GET", "get_order", "GET", f"/orders/{order}", {"order_id": order}, ROUNDS),
            ("place order", "place_order", "POST", "/orders", PLACED, ROUNDS // 2),
        ):

            def ours(_: int, name: str = name, data: Any = data) -> Ready:
                return doors.grpc(name, data)

            def bare(_: int, method: str = method, path: str = path, data: Any = data) -> Ready:
                return doors.http(method, path, data)

            bench.ratio(f"{what} over gRPC", ours, bare, than="over HTTP", rounds=rounds, most=MOST)


class Doors:
    """A caller with one connection per protocol."""

    def __init__(self, client: httpx.Client, channel: grpc.Channel, token: str) -> None:
        self.client, self.channel, self.token = client, channel, token
        interface = protobuf.load(generated.openapi(), generated.NUMBERS.read_text(encoding="utf-8"))
        self.methods = Methods(interface, operation.catalog())

    def http(self, method: str, path: str, body: Any) -> Ready:
        headers = {"Authorization": self.token, "Idempotency-Key": str(uuid.uuid4())}
        given = {} if method == "GET" else {"json": body}
        asked = self.client.build_request(method, path, headers=headers, **given)

        def call() -> None:
            assert self.client.send(asked).status_code < 300

        return call

    def grpc(self, name: str, data: Any) -> Ready:
        path, bound = next((path, one) for path, one in self.methods if one.operation.name == name)
        message = bound.request()
        self.methods.transcoder.fill(message, data)
        stub = self.channel.unary_unary(path, lambda sent: sent.SerializeToString(), bound.answer.FromString)
        metadata = (("authorization", self.token), ("idempotency-key", str(uuid.uuid4())))
        return lambda: stub(message, metadata=metadata, timeout=30)


@contextmanager
def _gateway() -> Iterator[tuple[str, str]]:
    """Start the product's process over this store; returns its addresses for HTTP and gRPC."""
    log = Path(resources.settings().state_dir) / "gateway.log"
    with ports.reserve() as (port, first), ports.reserve() as (second, lock):
        env = {
            "PORT": str(port),
            "GRPC_PORT": str(second),
            "PUSH_TOKEN": "push-token",
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-m", "emulators.gateway"]
        gateway = process.spawn("gateway", command, log, env=env, keep=[first, lock])
    try:
        deadline = time.monotonic() + 60
        while not _ready(port):
            assert gateway.alive and time.monotonic() < deadline, process.tail(log)
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", f"127.0.0.1:{second}"
    finally:
        process.stop([gateway])


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ready", timeout=10).status_code == 200
    except httpx.TransportError:
        return False
