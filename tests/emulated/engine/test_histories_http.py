"""Run the random histories over real HTTP and the Spanner emulator: twenty seeds, shorter ones."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from shared.chain.errors import ChainError, NodeError, RateLimited, Unreachable
from shared.chain.rpc import Rpc, RpcClient
from shared.store.port import Database
from shared.store.session import Session
from shared.store.tables.transactions import LANES
from tests.support.proof import size
from tests.unit.engine.histories import History, world

SEEDS = size("HTTP_SEEDS", 20)
LENGTH = 30  # steps: each costs round trips here


class _Handler(BaseHTTPRequestHandler):
    """Serves the lying node's answers over HTTP: its failures become those of a proxy or a faulty node."""

    protocol_version = "HTTP/1.1"
    node: Any

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            if isinstance(asked, list):
                answers = self.node.batch([(one["method"], one["params"]) for one in asked])
                body: Any = [_answer(one["id"], found) for one, found in zip(asked, answers, strict=True)]
            else:
                body = _answer(asked["id"], self._one(asked["method"], asked["params"]))
        except (RateLimited, Unreachable) as failure:
            self._fail(str(failure))
        else:
            self._send(200, json.dumps(body).encode())

    def _one(self, method: str, params: list[Any]) -> Any:
        try:
            return self.node.call(method, params)
        except NodeError as error:
            return error

    def _fail(self, kind: str) -> None:
        if kind == "garbage":
            self._send(200, b"<html>try later</html>")
        elif kind.startswith("HTTP"):
            self._send(int(kind.removeprefix("HTTP ")), b"{}")
        else:
            self.close_connection = True  # a time-out, like the client finally sees it

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


def _answer(number: Any, found: Any) -> dict[str, Any]:
    if isinstance(found, ChainError):
        return {"jsonrpc": "2.0", "id": number, "error": {"code": -32000, "message": str(found)}}
    return {"jsonrpc": "2.0", "id": number, "result": found}


class Door:
    """A server on a free port in front of a node, which is set later."""

    def __init__(self, name: str) -> None:
        self.handler = type("Handler", (_Handler,), {})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler)
        self.server.daemon_threads = True
        self.thread = Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.rpc = RpcClient(name, f"http://127.0.0.1:{self.server.server_port}")

    def close(self) -> None:
        self.rpc.close()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class HttpHistory(History):
    """A history with its node behind HTTP and the emulator as store."""

    def __init__(self, seed: int, database: Database, doors: list[Door]) -> None:
        self.emulator, self.doors = database, doors
        super().__init__(seed, length=LENGTH)

    def opened(self) -> Any:
        return self.emulator

    def trouble_store(self, abort: float, unknown: float) -> None:
        """Do nothing: the emulator aborts by itself."""

    def waits(self) -> Iterator[tuple[str, str | None, datetime | None, bool]]:
        for row in self.rows():
            yield row.id, row.waiting_for, row.waiting_since, row.finalized

    def foreign_pauses(self) -> set[str | None]:
        why = {lane.id: lane.paused_reason for lane in Session(self.emulator.snapshot()).many(LANES.scan())}
        return {why[row.lane_id] for row in self.rows() if row.blocked_reason == "FOREIGN_NONCE"}

    def endpoints(self) -> list[Rpc]:
        for door, node in zip(self.doors, (self.node, self.mirror), strict=True):
            door.handler.node = node  # type: ignore[attr-defined]
        return [door.rpc for door in self.doors]


@pytest.fixture
def doors() -> Iterator[list[Door]]:
    made = [Door("lying#0"), Door("lying#1")]
    yield made
    for door in made:
        door.close()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_random_history(
    seed: int, database: Database, doors: list[Door], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    history = HttpHistory(seed, database, doors)
    with monkeypatch.context() as patch, world(history, patch):
        history.run()
