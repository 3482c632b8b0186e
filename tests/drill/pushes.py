"""A relay between Pub/Sub and the balancer: it forwards pushes, on demand late and more than once.

Pub/Sub promises delivery at least once, in any order. Its emulator delivers once and at once, which tests nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from random import Random

import aiohttp
from aiohttp import web

LATE_SECONDS = 3.0
TWICE = 0.5
PUSH_SECONDS = 70.0


@dataclass(slots=True)
class Courier:
    """Forwards every POST to `target`. `careless`: some pushes wait, and some are repeated later."""

    target: str
    rng: Random
    careless: bool = False
    delivered: int = 0
    repeated: int = 0
    http: aiohttp.ClientSession = field(init=False)
    _again: set[asyncio.Task[int]] = field(default_factory=set)

    async def serve(self, port: int) -> web.AppRunner:
        app = web.Application(client_max_size=16 * 2**20)
        app.router.add_post("/{path:.*}", self._forward)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        self.http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PUSH_SECONDS))
        return runner

    async def _forward(self, request: web.Request) -> web.Response:
        body = await request.read()
        url, headers = f"{self.target}{request.path_qs}", {"Content-Type": request.content_type}
        if self.careless:
            await asyncio.sleep(self.rng.random() * LATE_SECONDS)
            if self.rng.random() < TWICE:
                again = asyncio.create_task(self._later(url, body, headers))
                self._again.add(again)
                again.add_done_callback(self._again.discard)
        self.delivered += 1
        return web.Response(status=await self._post(url, body, headers))

    async def _later(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        self.repeated += 1
        await asyncio.sleep(self.rng.random() * LATE_SECONDS)
        return await self._post(url, body, headers)

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        try:
            async with self.http.post(url, data=body, headers=headers) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 503
