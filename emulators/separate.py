"""Run the product as separate processes behind the local gateway, one for each trust, as in production.

    SEPARATE=trusts make demo

Each process is a function server with `FUNCTION_TARGET=trust_…`. The gateway only forwards, by the catalog, like the
balancer's URL map. WebSockets and gRPC pass through its front door. A trust's process for gRPC starts with the first
call to it. All processes are in the gateway's process group and end with it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from emulators import ports, process
from emulators.front_door import Places
from emulators.toolkit import ROOT
from shared.runtime import operation, trust
from shared.triggers import readiness
from shared.triggers.router import Router

if TYPE_CHECKING:
    from flask import Request, Response

    from shared.triggers.rpc.methods import Bound

VARIABLE = "SEPARATE"
START_SECONDS = 60.0
ANSWER_SECONDS = 700.0  # longer than any operation may take
PIECE = 64 * 1024
PATH_CHARACTERS = "/:@!$&'()*+,;=~"  # RFC 3986, pchar
HOPS = {"connection", "keep-alive", "transfer-encoding", "host", "content-length"}
HOST = "127.0.0.1"
STREAMS = [sys.executable, "-m", "functions.stream_server"]
GRPC = [sys.executable, "-m", "functions.grpc_server"]
HOME = "public_reads"  # answers requests without a route, like the balancer's default


def start() -> dict[str, str]:
    """Start a process for each trust, wait until all serve, and return their addresses. Raises TimeoutError."""
    command = [sys.executable, "-m", "functions_framework", "--source", str(ROOT / "functions/main.py")]
    addresses = {}
    with ExitStack() as held:
        for name in trust.TRUSTS:
            port, lock = held.enter_context(ports.reserve())
            _spawn(
                STREAMS if name == "streams" else [*command, "--host", HOST, "--port", str(port)],
                name, port, lock,
            )  # fmt: skip
            addresses[name] = f"http://{HOST}:{port}"
        for address in addresses.values():
            _wait(address)
    return addresses


def _spawn(command: list[str], name: str, port: int, lock: int) -> subprocess.Popen[bytes]:
    """Start it. What the main thread starts ends with this process, even if it is killed; Linux would end what another
    thread starts with that thread."""
    guard = process.guarded() if threading.current_thread() is threading.main_thread() else []
    env = {"FUNCTION_TARGET": f"trust_{name}", "PYTHONPATH": str(ROOT), "HOST": HOST, "PORT": str(port)}
    return subprocess.Popen([*guard, *command], cwd=ROOT, env=os.environ | env, pass_fds=[lock])


def places(addresses: dict[str, str], gateway: int) -> Places:
    """The ports that the front door passes connections to."""
    return Places(gateway, urlsplit(addresses["streams"]).port or 0, GrpcProcesses().port)


class GrpcProcesses:
    """The gRPC processes: one for each trust whose methods were called."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._trusts: dict[str, str] = {}
        self._ports: dict[str, int] = {}

    def port(self, path: str) -> int:
        """The port of the process that serves this method, which starts it if needed.

        Paths without an operation (health, reflection) go to HOME. Raises TimeoutError."""
        with self._lock:
            if not self._trusts:
                self._trusts = {path: bound.operation.trust for path, bound in _methods()}
            name = self._trusts.get(path, HOME)
            if name not in self._ports:
                with ports.reserve() as (port, lock):
                    _spawn(GRPC, name, port, lock)
                _wait_open(port)
                self._ports[name] = port
            return self._ports[name]


def _methods() -> Iterator[tuple[str, Bound]]:
    from schemas.contract import generated, protobuf
    from shared.triggers.rpc.methods import Methods

    interface = protobuf.load(generated.openapi(), generated.NUMBERS.read_text(encoding="utf-8"))
    return iter(Methods(interface, operation.catalog()))


def _wait_open(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection((HOST, port), timeout=5):
            return
        time.sleep(0.1)
    raise TimeoutError(f"port {port} does not serve")


def _wait(address: str) -> None:
    import httpx

    deadline = time.monotonic() + START_SECONDS
    with httpx.Client(timeout=5) as client:  # each new one reads all certificates
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                if client.get(address + readiness.LIVE[0]).status_code == 200:
                    return
            time.sleep(0.1)
    raise TimeoutError(f"{address} does not serve")


def view(addresses: dict[str, str]) -> Callable[[Request], Response]:
    """A Flask view that forwards each request to the process of its operation's trust.

    Each request has a connection of its own, because a server that closes a kept one at that moment would lose the next
    request. A pool that keeps none would not do: httpx's closed connections that other threads had just taken.
    """
    from flask import Response

    router = Router(operation.catalog())

    def forward(request: Request) -> Response:
        found = router.find(request.method, request.path)
        place = urlsplit(addresses[found.trust if found else HOME])
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOPS}
        connection = HTTPConnection(place.hostname or HOST, place.port, timeout=ANSWER_SECONDS)
        try:
            connection.request(request.method, _target(request), request.get_data() or None, headers)
            answer = connection.getresponse()
        except BaseException:
            connection.close()
            raise
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOPS]
        return Response(_body(answer, connection), answer.status, kept)

    return forward


def _target(request: Request) -> str:
    query = request.query_string.decode("latin-1")
    return quote(request.path, safe=PATH_CHARACTERS) + (f"?{query}" if query else "")


def _body(answer: HTTPResponse, connection: HTTPConnection) -> Iterator[bytes]:
    """The bytes of an answer as they come."""
    try:
        while piece := answer.read1(PIECE):
            yield piece
    finally:
        connection.close()
