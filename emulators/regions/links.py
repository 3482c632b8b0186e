"""TCP connections with the delay of connections between continents, which tests can cut.

This relay is our own, because a delay in each direction and a partition need only 100 lines. `tc netem` needs root and
a kernel module, and delays every port of the loopback alike. toxiproxy is a binary that no package registry has.

A cut link behaves like a partition: it loses nothing and answers nothing. Connections stay open, and their bytes wait
until it heals, unless one end has given up and closed the connection.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

CHUNK = 64 * 1024
QUEUED = 64  # chunks under way in each direction; more wait in the sender, as with TCP's window
CONNECT_SECONDS = 5.0
Sent = tuple[float, bytes]  # (arrival by the loop's clock, data); no data means the end


@dataclass(slots=True)
class Link:
    """A port of 127.0.0.1 that relays to `host:port` with `delay` seconds in each direction."""

    port: int
    target: tuple[str, int]
    delay: float
    whole: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self) -> None:
        self.whole.set()
        await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=CHUNK)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError):
            await self.whole.wait()
            opened = asyncio.open_connection(*self.target, limit=CHUNK)
            there, back = await asyncio.wait_for(opened, CONNECT_SECONDS)
            both = [self._carry(reader, back), self._carry(there, writer)]
            try:
                await asyncio.gather(*both)
            finally:
                back.close()
        writer.close()

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        under_way: asyncio.Queue[Sent] = asyncio.Queue(QUEUED)
        arriving = asyncio.create_task(self._arrive(under_way, sink))
        try:
            while data := await source.read(CHUNK):
                await under_way.put((self._arrival(), data))
            await under_way.put((self._arrival(), b""))
            await arriving
        finally:
            arriving.cancel()
            sink.close()  # the end of one direction ends the other, because nothing here half-closes

    def _arrival(self) -> float:
        return asyncio.get_running_loop().time() + self.delay

    async def _arrive(self, under_way: asyncio.Queue[Sent], sink: asyncio.StreamWriter) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due, data = await under_way.get()
            if (rest := due - clock()) > 0:
                await asyncio.sleep(rest)
            await self.whole.wait()
            if not data:
                return
            sink.write(data)
            await sink.drain()


class Links:
    """Links on a separate thread; they end with the process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._links: dict[tuple[str, str], Link] = {}
        threading.Thread(target=self._loop.run_forever, name="links", daemon=True).start()

    def add(self, one: str, other: str, port: int, target: str, round_trip: float) -> None:
        """Open the link from `one` to `other`. `target` is host:port, `round_trip` seconds."""
        host, _, there = target.rpartition(":")
        link = Link(port, (host, int(there)), round_trip / 2)
        self._run(link.serve())
        self._links[one, other] = link

    def address(self, one: str, other: str) -> str:
        return f"127.0.0.1:{self._links[one, other].port}"

    def cut(self, one: str, other: str) -> None:
        self._loop.call_soon_threadsafe(self._links[one, other].whole.clear)

    def heal(self, one: str, other: str) -> None:
        self._loop.call_soon_threadsafe(self._links[one, other].whole.set)

    def move(self, one: str, other: str, round_trip: float) -> None:
        """Change the delay to `other`, which has moved, like a newly elected leader."""
        self._links[one, other].delay = round_trip / 2

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10.0)
