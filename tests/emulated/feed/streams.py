"""A running server of event streams, and its clients."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn
from websockets.sync.client import ClientConnection, connect

from shared import resources
from shared.feed.readers import OpenStreams
from shared.runtime import operation
from shared.triggers.asgi_app import SERVING, App
from shared.triggers.streaming.subscription import Subscription
from tests.emulated.desk.world import Desk

NAMES = ("stream_events", "stream_all_events", "connect_events", "get_order")


@dataclass
class Streams:
    """A running server; `url` is its address without a scheme."""

    desk: Desk
    url: str

    def headers(self, user: str, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.desk.app.token(user)}"} | more

    @contextmanager
    def sse(self, headers: dict[str, str], query: str = "") -> Iterator[Iterator[dict[str, str]]]:
        url = f"http://{self.url}/api/v1/events/stream{query}"
        with httpx.Client(timeout=20) as client, client.stream("GET", url, headers=headers) as answer:
            assert answer.status_code == 200, answer.read()
            yield events(answer.iter_lines())

    def get(self, headers: dict[str, str], path: str = "stream") -> httpx.Response:
        return httpx.get(f"http://{self.url}/api/v1/events/{path}", headers=headers, timeout=20)

    def ws(self, headers: dict[str, str] | None = None, query: str = "", **more: Any) -> ClientConnection:
        url = f"ws://{self.url}/api/v1/events/ws{query}"
        return connect(url, additional_headers=headers or {}, compression=None, **more)


def events(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        else:
            if "data" in fields:
                yield fields
            fields = {}


@contextmanager
def serving(desk: Desk) -> Iterator[Streams]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        config = uvicorn.Config(
            App({name: operation.load(name) for name in NAMES}, 4), timeout_graceful_shutdown=1, **SERVING
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        until(lambda: server.started)
        try:
            yield Streams(desk, f"127.0.0.1:{listening.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join()


@dataclass
class SlowOpening:
    """An operation that opens a stream: it has `reached` its end, takes its place after `go`, and then has `opened`."""

    reached: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def patched(cls, monkeypatch: pytest.MonkeyPatch) -> SlowOpening:
        made, enter = cls(), Subscription.enter

        def slowly(*arguments: Any, **more: Any) -> Subscription:
            made.reached.set()
            assert made.go.wait(20)
            found = enter(*arguments, **more)
            made.opened.set()
            return found

        monkeypatch.setattr(Subscription, "enter", slowly)
        return made

    def finish(self) -> None:
        """Let the operation end, and check that nobody holds its place."""
        self.go.set()
        assert self.opened.wait(20)
        until(nobody_streams)


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def nobody_streams() -> bool:
    return resources.memory(OpenStreams).count == 0
