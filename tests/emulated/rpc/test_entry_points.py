"""The entry points as processes: gRPC and streams, one process for each trust, like on Cloud Run."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import grpc
import httpx
import pytest
from google.protobuf import empty_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from emulators import ports, process
from emulators.toolkit import ROOT
from shared import resources
from shared.store.port import Database
from shared.triggers.streaming import hub
from tests.emulated.desk.world import Desk
from tests.support.stores import leads_to

ENDS_WITHIN = 10.0  # seconds; Cloud Run kills slower processes


@contextmanager
def served(module: str, target: str, database: Database, folder: Path) -> Iterator[tuple[str, process.Child]]:
    """Run a process and return its address; it must end after SIGTERM, in time and with success."""
    resources.tokens()  # creates the keys that the process reads
    env = {
        **leads_to(database),
        **{"STATE_DIR": str(folder), "FUNCTION_TARGET": target, "HOST": "127.0.0.1", "PYTHONPATH": str(ROOT)},
    }
    with ports.reserve() as (port, lock):
        command, log = [sys.executable, "-m", module], folder / f"{target}.log"
        child = process.spawn(target, command, log, env=env | {"PORT": str(port)}, keep=[lock])
    try:
        yield f"127.0.0.1:{port}", child
        process.signal_group(child.process.pid, signal.SIGTERM)
        assert child.process.wait(ENDS_WITHIN) in (0, -signal.SIGTERM), process.tail(log)
        assert "Traceback" not in log.read_text()
    finally:
        process.stop([child])


def test_grpc_of_one_trust(desk: Desk, database: Database, tmp_path: Path) -> None:
    with (
        served("functions.grpc_server", "trust_public_reads", database, tmp_path) as (address, _),
        grpc.insecure_channel(address) as channel,
    ):
        health = health_pb2_grpc.HealthStub(channel).Check
        answer = health(health_pb2.HealthCheckRequest(), timeout=30, wait_for_ready=True)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        chains = channel.unary_unary("/wallet.v1.ChainsService/ListChains")
        assert b"local" in chains(empty_pb2.Empty().SerializeToString(), timeout=20)
        with pytest.raises(grpc.RpcError) as elsewhere:
            channel.unary_unary("/wallet.v1.OrdersService/PlaceOrder")(b"", timeout=20)
        assert elsewhere.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_streams_of_their_trust(desk: Desk, database: Database, tmp_path: Path) -> None:
    """One user opens more streams than threads could carry, and all of them end on shutdown."""
    user = desk.shopper()
    headers = {"Authorization": f"Bearer {desk.app.token(user)}"}
    with served("functions.stream_server", "trust_streams", database, tmp_path) as (address, child):
        wait(address)
        with httpx.Client(base_url=f"http://{address}/api/v1", timeout=20, headers=headers) as client:
            asked = [client.build_request("GET", "/events/stream") for _ in range(hub.OF_ONE_USER + 1)]
            answers = [client.send(one, stream=True) for one in asked]
            assert [one.status_code for one in answers] == [200] * hub.OF_ONE_USER + [429]
            lines = answers[0].iter_lines()
            assert "event: supply.created" in [next(lines) for _ in range(4)]
            assert client.get("/orders/ord_1").status_code == 404
            for one in answers[1:]:
                one.close()
            process.signal_group(child.process.pid, signal.SIGTERM)
            started = time.monotonic()
            assert "event: supply.activated" in list(lines), "it ends as a whole"
            assert time.monotonic() - started < ENDS_WITHIN, "before the process has to"


def wait(address: str) -> None:
    deadline = time.monotonic() + 60
    with httpx.Client() as client:
        while True:
            with suppress(httpx.TransportError):
                client.get(f"http://{address}/live")
                return
            assert time.monotonic() < deadline
            time.sleep(0.05)
