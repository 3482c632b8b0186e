"""Clients of the benchmark `users`: thousands of people in one process, who call, think, and call again.

It reads one line of JSON (`Plan`) and prints one: for each kind of call the milliseconds of each call, and the count of
each status. Calls are closed-loop: nobody sends a call while waiting for an answer, so no call is left out if the
server is late. `late` is how far this process was behind its own plan.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import aiohttp

ITEM = {"product_id": "sku", "product_name": "A thing", "price": "0.001", "quantity": 1}
PLACED = {"currency": "ETH", "items": [ITEM]}


@dataclass(frozen=True)
class Person:
    token: str
    url: str  # the process that serves them, as with a balancer with session affinity
    order: str
    shops: bool


@dataclass(frozen=True)
class Plan:
    """A visit is three calls, followed by a pause of `think` seconds on average. Only calls that begin after `warm`
    seconds count, for `seconds`."""

    people: list[Person]
    think: float
    warm: float
    seconds: float
    seed: int


@dataclass
class Seen:
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[str] = field(default_factory=Counter)
    late: list[float] = field(default_factory=list)


class Crowd:
    def __init__(self, plan: Plan, http: aiohttp.ClientSession) -> None:
        self.plan, self.http = plan, http
        self.rng, self.seen = random.Random(plan.seed), Seen()
        self.began = time.monotonic() + plan.warm
        self.ends = self.began + plan.seconds

    async def run(self) -> Seen:
        await asyncio.gather(*(self._live(one) for one in self.plan.people))
        return self.seen

    async def _live(self, one: Person) -> None:
        wakes = time.monotonic() + self.rng.uniform(0, self.plan.think)
        while wakes < self.ends:
            await asyncio.sleep(max(0.0, wakes - time.monotonic()))
            if wakes >= self.began:
                self.seen.late.append((time.monotonic() - wakes) * 1e3)
            await self._visit(one)
            wakes = time.monotonic() + self.rng.expovariate(1 / self.plan.think)

    async def _visit(self, one: Person) -> None:
        await self._call(one, "read", "GET", f"/orders/{one.order}")
        await self._call(one, "cached read", "GET", f"/orders/{one.order}")
        chance = self.rng.random()
        if one.shops:
            await self._call(one, "order", "POST", "/orders", PLACED)
        elif chance < 0.2:
            await self._call(one, "claim", "POST", "/claims/next", {})
        else:
            await self._call(one, "list", "GET", "/orders" if chance < 0.7 else "/orders/available")

    async def _call(self, one: Person, kind: str, method: str, path: str, body: Any = None) -> None:
        headers = {"Authorization": f"Bearer {one.token}"}
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid.uuid4())
        began = time.monotonic()
        status = 0
        try:
            async with self.http.request(
                method, f"{one.url}/api/v1{path}", json=body, headers=headers
            ) as reply:
                await reply.read()
                status = reply.status
        except (aiohttp.ClientError, TimeoutError):
            pass
        if self.began <= began < self.ends:
            self.seen.times[kind].append((time.monotonic() - began) * 1e3)
            self.seen.statuses[f"{kind} {status}"] += 1


async def _run(plan: Plan) -> Seen:
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as http:
        return await Crowd(plan, http).run()


def main() -> None:
    given = json.loads(sys.stdin.readline())
    people = [Person(**one) for one in given.pop("people")]
    seen = asyncio.run(_run(Plan(people=people, **given)))
    print(json.dumps({"times": seen.times, "statuses": seen.statuses, "late": seen.late}), flush=True)


if __name__ == "__main__":
    main()
