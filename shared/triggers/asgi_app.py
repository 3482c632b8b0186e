"""The ASGI adapter, for servers that keep thousands of connections open.

Operations run on a few threads, as under functions-framework; a stream needs no thread (`shared.triggers.streaming`).
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import Any, Final
from urllib.parse import parse_qs

from shared.runtime.clock import new_id
from shared.runtime.errors import MalformedRequest, Unready
from shared.runtime.operation import Operation
from shared.triggers import body_limits, entrypoint, readiness, request_parsing
from shared.triggers.body_deadline import BODY_SECONDS
from shared.triggers.reply import Reply, refused
from shared.triggers.request_parsing import Incoming
from shared.triggers.router import Router
from shared.triggers.streaming import sse, websocket
from shared.triggers.streaming.hub import Hub
from shared.triggers.streaming.sse import Receive, Send

Scope = MutableMapping[str, Any]
SERVING: Final[dict[str, Any]] = {  # uvicorn's settings
    "ws": "websockets-sansio",
    "ws_max_size": websocket.MAX_TEXT,
    "ws_per_message_deflate": False,  # a compression window would need more memory than the rest of the connection
    "timeout_keep_alive": 75,
    "server_header": False,
    "log_config": None,
    "log_level": "warning",
    "access_log": False,
}
# Bytes of a too long body that are read and discarded: a client that still sends would lose the answer to a reset
# connection.
DRAINED: Final = 16 * 1024 * 1024


def _refused_in_time(record: logging.LogRecord) -> bool:
    """Filter out uvicorn's warnings about a WebSocket refused with an HTTP answer; uvicorn logs them as missing
    answers."""
    return "without completing handshake" not in record.getMessage()


def run(app: App, *, grace: int, listening: socket.socket | None = None, **where: Any) -> None:
    """Serve until the process is asked to stop. Streams then end at once; other requests have `grace` seconds."""
    import uvicorn

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            super().handle_exit(sig, frame)
            app.end_streams()

    config = uvicorn.Config(app, timeout_graceful_shutdown=grace, **SERVING, **where)
    Server(config).run(sockets=[listening] if listening else None)


class App:
    """Serves the given operations by path, on a fixed number of threads."""

    def __init__(self, operations: Mapping[str, Operation], threads: int) -> None:
        self._router = Router(operations)
        logging.getLogger("uvicorn.error").addFilter(_refused_in_time)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="operation")
        self._hub: Hub | None = None

    @property
    def hub(self) -> Hub:
        """Created for the first stream, in the server's event loop."""
        if self._hub is None:
            self._hub = Hub()
        return self._hub

    def end_streams(self) -> None:
        """End all streams, and tell their clients that the server is going away."""
        if self._hub is not None:
            self._hub.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await websocket.serve(self.hub, scope, receive, send, self.answer)
        else:
            await self._http(scope, receive, send)

    async def answer(self, incoming: Incoming) -> Reply:
        """Run the requested operation on one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._answer, incoming)

    def _answer(self, incoming: Incoming) -> Reply:
        found = (
            None if incoming.path in readiness.PROBES else self._router.find(incoming.method, incoming.path)
        )
        return entrypoint.answer(found, incoming) if found else self._router.elsewhere(incoming)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        parsed = incoming(scope, b"")
        try:
            async with asyncio.timeout(BODY_SECONDS):
                limit = await self._limit(parsed)
                body = await _body(receive, limit)
        except TimeoutError:
            await _answer_late(send)
            return
        if body is None:
            return
        try:
            reply = await self.answer(replace(parsed, body=body[: limit + 1]))
        except asyncio.CancelledError:  # the server stops; finished work is stored under its key
            reply = refused(Unready(), new_id("req"))
            reply.headers["Connection"] = "close"
        if reply.stream is not None:
            await sse.respond(self.hub, reply.stream, reply.headers, receive, send)
            return
        if len(body) > limit:  # the rest of the body is unread, so nothing can follow on this connection
            reply.headers["Connection"] = "close"
        content, head = reply.body.encode(), scope["method"] == "HEAD"
        sized = content or not (head or reply.status == 204)
        headers = reply.headers | ({"Content-Length": str(len(content))} if sized else {})
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        await send({"type": "http.response.body", "body": b"" if head else content})

    async def _limit(self, parsed: Incoming) -> int:
        """The maximum number of body bytes that are read."""
        token = parsed.query.get("token", [""])[0]
        ask = partial(body_limits.body_limit, parsed.method, parsed.path, parsed.headers, token)
        if not parsed.path.startswith(body_limits.PUSHES):
            return ask()
        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self.end_streams()
                await send({"type": "lifespan.shutdown.complete"})
                return


def incoming(scope: Scope, body: bytes, method: str | None = None) -> Incoming:
    """An ASGI request as plain data. Headers with the same name are joined, as in WSGI."""
    headers = request_parsing.headers_of(scope["headers"])
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True, errors="replace")
    return Incoming(method or scope["method"], scope["path"], headers, query, body)


async def _answer_late(send: Send) -> None:
    """Refuse a request whose body does not come, and close its connection."""
    reply = refused(MalformedRequest("The body did not come in time."), new_id("req"))
    headers = reply.headers | {"Connection": "close", "Content-Length": str(len(reply.body))}
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    await send({"type": "http.response.body", "body": reply.body.encode()})


async def _body(receive: Receive, limit: int) -> bytes | None:
    """The body, or slightly more than the limit of a too long body; None if the client has left. Part of the rest is
    read and discarded: a client that still sends when the connection closes would not see the answer."""
    found, rest = bytearray(), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        piece = message.get("body", b"")
        room = max(0, limit + 1 - len(found))
        found += piece[:room]
        rest += len(piece[room:])
        if not message.get("more_body") or rest > DRAINED:
            return bytes(found)
