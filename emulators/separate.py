"""The product as separate processes, one for each trust, behind the local gateway, as production has them.

    SEPARATE=trusts make demo

Each process is a function server with `FUNCTION_TARGET=trust_…`; the gateway only forwards, by the catalog, as the
balancer's URL map does. They are in the gateway's process group and end with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from emulators import ports
from emulators.toolkit import ROOT
from shared.runtime import operation, trust
from shared.triggers import readiness
from shared.triggers.router import Router

if TYPE_CHECKING:
    from flask import Request, Response

VARIABLE = "SEPARATE"
STARTS_WITHIN = 60.0  # seconds
HOPS = {"connection", "keep-alive", "transfer-encoding", "host", "content-length", "content-encoding"}
HOST = "127.0.0.1"
STREAMS = [sys.executable, "-m", "functions.stream_server"]
HOME = "public_reads"  # answers what nobody serves, as the balancer's default does


def start() -> dict[str, str]:
    """Start a process for each trust and wait until all serve; answers their addresses. Raises TimeoutError."""
    command = [sys.executable, "-m", "functions_framework", "--source", str(ROOT / "functions/main.py")]
    addresses = {}
    with ExitStack() as held:
        for name in trust.TRUSTS:
            port, lock = held.enter_context(ports.reserve())
            subprocess.Popen(
                STREAMS if name == "streams" else [*command, "--host", HOST, "--port", str(port)],
                cwd=ROOT,
                env={
                    **os.environ,
                    **{"FUNCTION_TARGET": f"trust_{name}", "PYTHONPATH": str(ROOT)},
                    **{"HOST": HOST, "PORT": str(port)},
                },
                pass_fds=[lock],
            )
            addresses[name] = f"http://{HOST}:{port}"
        for address in addresses.values():
            _wait(address)
    return addresses


def _wait(address: str) -> None:
    import httpx

    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if httpx.get(address + readiness.LIVE[0], timeout=5).status_code == 200:
                return
        time.sleep(0.1)
    raise TimeoutError(f"{address} does not serve")


def view(addresses: dict[str, str]) -> Callable[[Request], Response]:
    """The flask view that forwards each request to the process of its operation's trust."""
    import httpx
    from flask import Response

    router = Router(operation.catalog())
    # A connection for each request: one that the server closes just as the next request goes out would lose that one.
    client = httpx.Client(
        timeout=700.0, limits=httpx.Limits(max_connections=None, max_keepalive_connections=0)
    )

    def forward(request: Request) -> Response:
        found = router.find(request.method, request.path)
        url = addresses[found.trust if found else HOME] + request.full_path
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in HOPS]
        asked = client.build_request(request.method, url, headers=headers, content=request.get_data())
        answer = client.send(asked, stream=True)
        kept = [(name, value) for name, value in answer.headers.multi_items() if name.lower() not in HOPS]
        return Response(_body(answer), answer.status_code, kept)

    return forward


def _body(answer: Any) -> Iterator[bytes]:
    try:
        yield from answer.iter_bytes()
    finally:
        answer.close()
