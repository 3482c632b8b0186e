"""A client that repeats calls without an answer under the same Idempotency-Key, and records every attempt."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

PATIENCE_SECONDS = 90.0  # for one call with all its attempts
ATTEMPT_SECONDS = 8.0
PAUSE_SECONDS = (0.1, 1.0)
SLACK = timedelta(seconds=0.5)  # between this process's clock and the database's
UNANSWERED = (0, 429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request on the wire. `at` and `seconds` are by the drill's clock; status 0: no answer."""

    at: float
    seconds: float
    door: str
    kind: str
    status: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a call. `begun` and `ended` are by the drill's clock; status 0: given up without an answer."""

    status: int
    body: dict[str, Any]
    version: int | None
    begun: float
    ended: float
    earliest: datetime
    latest: datetime

    @property
    def code(self) -> str | None:
        return self.body.get("error", {}).get("code") if self.status >= 400 else None


@dataclass(slots=True)
class Log:
    """All attempts, and the answers that must never occur."""

    began: float = field(default_factory=time.monotonic)
    attempts: list[Attempt] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def now(self) -> float:
        return time.monotonic() - self.began


@dataclass(slots=True)
class Device:
    """One client of a user, near a region."""

    door: str
    url: str
    log: Log
    http: aiohttp.ClientSession
    token: str = ""

    async def read(self, path: str, *, kind: str = "read", **headers: str) -> Answer:
        return await self.call(
            "GET", path, kind=kind, headers={n.replace("_", "-"): v for n, v in headers.items()}
        )

    async def write(self, method: str, path: str, body: Any = None, *, kind: str = "write") -> Answer:
        return await self.call(method, path, body, kind=kind, headers={"Idempotency-Key": str(uuid.uuid4())})

    async def call(
        self, method: str, path: str, body: Any = None, *, kind: str, headers: dict[str, str]
    ) -> Answer:
        """Repeat a request until it gets an answer. Raises nothing."""
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        begun, earliest = self.log.now(), datetime.now(UTC) - SLACK
        pause, last = PAUSE_SECONDS
        while True:
            status, found, version = await self._attempt(method, path, body, kind, headers)
            given_up = self.log.now() - begun > PATIENCE_SECONDS
            if status not in UNANSWERED or given_up:
                ended = self.log.now()
                status = 0 if status in UNANSWERED else status
                return Answer(status, found, version, begun, ended, earliest, datetime.now(UTC) + SLACK)
            await asyncio.sleep(pause)
            pause = min(2 * pause, last)

    async def _attempt(
        self, method: str, path: str, body: Any, kind: str, headers: dict[str, str]
    ) -> tuple[int, dict[str, Any], int | None]:
        at = self.log.now()
        status, found, version = 0, {}, None
        try:
            limit = aiohttp.ClientTimeout(total=ATTEMPT_SECONDS)
            url = f"{self.url}/api/v1{path}"
            async with self.http.request(method, url, json=body, headers=headers, timeout=limit) as answer:
                status = answer.status
                found = await answer.json() if "json" in answer.content_type else {}
                tag = answer.headers.get("ETag", "").strip('W/"')
                version = int(tag) if tag.isdigit() else None
        except (aiohttp.ClientError, TimeoutError, OSError):
            status = 0
        if status == 500:
            self.log.broken.append(f"{method} {path}: {found}")
        self.log.attempts.append(Attempt(at, self.log.now() - at, self.door, kind, status))
        return status, found, version
