"""A proxy between a product and its node: open, closed as in an outage, or holding transactions back so that they are
stuck."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from eth_utils.crypto import keccak

from tests.support.json_rpc import forward

SEND = "eth_sendRawTransaction"


@dataclass
class NodeDoor:
    """The product uses `url` as its node."""

    node: str
    url: str = ""
    shut: bool = False
    keeping: bool = False
    kept: list[str] = field(default_factory=list)  # raw transactions that did not reach the node

    @contextmanager
    def stuck(self) -> Iterator[list[str]]:
        """Accept transactions that reach no block; the last one is forwarded at the end."""
        self.keeping = True
        try:
            yield self.kept
        finally:
            if self.kept:  # before the door opens: an earlier one that is sent again must not overtake it
                forward(self.node, {"jsonrpc": "2.0", "id": 1, "method": SEND, "params": [self.kept[-1]]})
            self.keeping = False
            self.kept.clear()

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Answer 503 in place of the node."""
        self.shut = True
        try:
            yield
        finally:
            self.shut = False

    def answer(self, asked: Any) -> Any:
        if isinstance(asked, list):
            return [self.answer(one) for one in asked]
        if self.keeping and asked.get("method") == SEND:
            raw = asked["params"][0]
            if raw not in self.kept:
                self.kept.append(raw)
            result = "0x" + keccak(hexstr=raw).hex()
            return {"jsonrpc": "2.0", "id": asked.get("id"), "result": result}
        return forward(self.node, asked)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Ignore the error: the product does not wait for long, and the node may have ended before it."""


@contextmanager
def door(node: str) -> Iterator[NodeDoor]:
    """Run a proxy in front of the node at this URL."""
    found = NodeDoor(node)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = (503, b"{}") if found.shut else (200, b"")
            if not answer:
                answer = json.dumps(found.answer(json.loads(body))).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None: ...

    server = _Server(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
