"""Thousands of clients of one server of event streams, in a separate process.

    python -m tests.support.stream_clients sse|websocket|grpc URL     tokens by user as JSON on the first line of stdin

Each client has its own connection. The process prints `open` when all streams are open. It reads a second line with the
number of events for each user, waits for them (at most WITHIN seconds without a new event) and closes the streams. Then
it prints the events of each user as JSON: {user: [[cursor, event id, subject, when in seconds since 1970], …]}.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

AT_ONCE = 50  # streams that open at the same time
WITHIN = 30.0
GRPC = "/wallet.v1.EventsService/StreamEvents"
Seen = dict[str, list[list[Any]]]
Client = Callable[[str, str, list[list[Any]], asyncio.Event], Awaitable[None]]


async def sse(url: str, token: str, seen: list[list[Any]], opened: asyncio.Event) -> None:
    """Read one stream for as long as it is open."""
    host, port = urlsplit(url).hostname or "", urlsplit(url).port or 0
    reader, writer = await asyncio.open_connection(host, port)
    head = f"GET /api/v1/events/stream HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n"
    writer.write(head.encode())
    try:
        status = await reader.readline()
        assert b" 200 " in status, status
        fields: dict[bytes, bytes] = {}
        async for line in reader:
            name, _, value = line.rstrip().partition(b": ")
            if name in (b"id", b"data"):
                fields[name] = value
            elif name == b"retry":
                opened.set()
            elif b"data" in fields and not name:
                event = json.loads(fields[b"data"])
                seen.append([fields[b"id"].decode(), event["id"], event["subject"], time.time()])
                fields = {}
    finally:
        writer.close()


async def websocket(url: str, token: str, seen: list[list[Any]], opened: asyncio.Event) -> None:
    """Like `sse`, over a WebSocket."""
    from websockets.asyncio.client import connect

    at = url.replace("http://", "ws://") + "/api/v1/events/ws"
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(at, additional_headers=headers, compression=None, ping_interval=None) as socket:
        opened.set()
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "event":
                event = message["event"]
                seen.append([message["cursor"], event["id"], event["subject"], time.time()])


async def grpc(url: str, token: str, seen: list[list[Any]], opened: asyncio.Event) -> None:
    """Like `sse`, over gRPC."""
    from grpc import aio

    request, answer = _messages()
    alone = [("grpc.use_local_subchannel_pool", 1)]  # otherwise all channels share a connection
    async with aio.insecure_channel(url.removeprefix("http://"), alone) as channel:
        method = channel.unary_stream(GRPC, request.SerializeToString, answer.FromString)
        call = method(request(), metadata=(("authorization", f"Bearer {token}"),))
        await call.initial_metadata()
        opened.set()
        async for message in call:
            seen.append([message.cursor, message.event.id, message.event.subject, time.time()])


def _messages() -> tuple[Any, Any]:
    """The classes of the request and response messages."""
    from schemas.contract import generated, protobuf
    from shared.runtime import operation
    from shared.triggers.rpc.methods import Methods

    if not _made:
        interface = protobuf.load(generated.openapi(), generated.NUMBERS.read_text(encoding="utf-8"))
        bound = Methods(interface, {"stream_events": operation.load("stream_events")}).find(GRPC)
        assert bound is not None
        _made.extend([bound.request, bound.answer])
    return _made[0], _made[1]


_made: list[Any] = []
CLIENTS: dict[str, Client] = {"sse": sse, "websocket": websocket, "grpc": grpc}


async def main(kind: str, url: str) -> int:
    tokens: dict[str, str] = json.loads(sys.stdin.readline())
    seen: Seen = {user: [] for user in tokens}
    turns, running = asyncio.Semaphore(AT_ONCE), []

    async def opening(user: str) -> None:
        async with turns:
            opened = asyncio.Event()
            task = asyncio.ensure_future(CLIENTS[kind](url, tokens[user], seen[user], opened))
            running.append(task)
            waiting = asyncio.create_task(opened.wait())
            await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
            assert opened.is_set(), task.exception()

    await asyncio.gather(*(opening(user) for user in tokens))
    print("open", flush=True)
    wanted = await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await _seen(seen, json.loads(wanted or "{}"))
    broken = sum(task.done() for task in running)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    print(json.dumps({"broken": broken, "seen": seen}), flush=True)
    return 0


async def _seen(seen: Seen, wanted: dict[str, int]) -> None:
    """Wait until each client has its number of events; returns also if no more events come."""
    known, since = -1, time.monotonic()
    while any(len(seen[user]) < count for user, count in wanted.items()):
        told = sum(map(len, seen.values()))
        if told > known:
            known, since = told, time.monotonic()
        if time.monotonic() > since + WITHIN:
            return
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
