"""Thousands of clients of one server of event streams, in a process of their own.

    python -m tests.support.stream_clients URL        tokens by user as JSON on the first line of stdin

Says `open` once all streams are; at the end of stdin it closes them and writes what each user saw, as JSON:
{user: [[cursor, event id, subject, when in seconds since 1970], …]}.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any
from urllib.parse import urlsplit

AT_ONCE = 50  # that open
Seen = dict[str, list[list[Any]]]


async def client(host: str, port: int, token: str, seen: list[list[Any]], opened: asyncio.Event) -> None:
    """One stream, read for as long as it is open."""
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


async def main(url: str) -> int:
    tokens: dict[str, str] = json.loads(sys.stdin.readline())
    host, port = urlsplit(url).hostname or "", urlsplit(url).port or 0
    seen: Seen = {user: [] for user in tokens}
    turns, running = asyncio.Semaphore(AT_ONCE), []

    async def opening(user: str) -> None:
        async with turns:
            opened = asyncio.Event()
            task = asyncio.create_task(client(host, port, tokens[user], seen[user], opened))
            running.append(task)
            waiting = asyncio.create_task(opened.wait())
            await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
            assert opened.is_set(), task.exception()

    await asyncio.gather(*(opening(user) for user in tokens))
    print("open", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    broken = sum(task.done() for task in running)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    print(json.dumps({"broken": broken, "seen": seen}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
