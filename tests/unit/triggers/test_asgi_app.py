"""The answer to a client whose request a stopping server does not wait for."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from shared import resources
from shared.runtime.operation import MAX_BODY
from shared.settings import load
from shared.triggers import asgi_app
from shared.triggers.asgi_app import App
from shared.triggers.reply import Reply
from shared.triggers.request_parsing import Incoming

SCOPE = {"type": "http", "method": "POST", "path": "/api/v1/auth/login", "headers": [], "query_string": b""}


class Slow(App):
    """Begins, and answers when allowed."""

    begun, let = threading.Event(), threading.Event()

    def _answer(self, asked: Incoming) -> Reply:
        self.begun.set()
        self.let.wait(10)
        return Reply(200, "{}", {})


def test_a_request_that_is_not_waited_for_may_be_tried_again() -> None:
    app, sent = Slow({}, 1), list[dict[str, Any]]()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def ended() -> None:
        task = asyncio.create_task(app(dict(SCOPE), receive, send))
        while not app.begun.is_set():
            await asyncio.sleep(0.01)
        task.cancel()
        await task

    try:
        asyncio.run(ended())
    finally:
        app.let.set()
    start, body = sent
    assert start["status"] == 503
    assert dict(start["headers"])[b"connection"] == b"close" and b"retry-after" in dict(start["headers"])
    assert json.loads(body["body"])["error"]["code"] == "UNAVAILABLE"


class Quick(App):
    """Answers at once."""

    def _answer(self, asked: Incoming) -> Reply:
        return Reply(413, "{}", {})


def test_a_body_of_megabytes_is_read_to_its_end_before_it_is_refused() -> None:
    """A client that is still sending when the connection closes sees a reset instead of the answer."""
    pieces, sent = [b"x" * 65_536] * 64, list[dict[str, Any]]()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": pieces.pop(), "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Quick({}, 1)(dict(SCOPE), receive, send))
    assert sent[0]["status"] == 413 and not pieces


@pytest.mark.parametrize(
    ("method", "path", "most"),
    [("POST", "/push/claim_order", MAX_BODY), ("GET", "/api/v1/events/stream", 0)],
)
def test_little_is_held_of_a_body_from_nobody_knows_whom(method: str, path: str, most: int) -> None:
    """A thousand connections to an instance for streams: 16 MB of each were held."""
    held: list[int] = []

    class Measured(App):
        def _answer(self, asked: Incoming) -> Reply:
            held.append(len(asked.body))
            return Reply(404, "{}", {})

    pieces = [b"x" * 65_536] * 16

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": pieces.pop(), "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        pass

    with resources.override(settings=load({})):
        asyncio.run(Measured({}, 1)({**SCOPE, "method": method, "path": path}, receive, send))
    assert held == [most + 1]


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever began a request and never ended it held a place of the instance until its request's time was over."""
    monkeypatch.setattr(asgi_app, "BODY_SECONDS", 0.05)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return await asyncio.get_running_loop().create_future()  # nothing more comes

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(asyncio.wait_for(Quick({}, 1)(dict(SCOPE), receive, send), 20))
    assert sent[0]["status"] == 400 and dict(sent[0]["headers"])[b"connection"] == b"close"
    assert json.loads(sent[1]["body"])["error"]["code"] == "MALFORMED_REQUEST"
