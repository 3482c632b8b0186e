"""Execute the steps of calls, with httpx.Client or httpx.AsyncClient."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import httpx

from web3_wallet_client.calls import Call, Outcome, Pause, Refresh, Retries, Send, attempts
from web3_wallet_client.models import Tokens
from web3_wallet_client.tokens import Credentials

T = TypeVar("T")
API = "/api/v1"
REFRESH = f"{API}/auth/refresh"


@dataclass(frozen=True, slots=True)
class Config:
    """The common settings of all calls of a client; `timeout` is for a whole call, in seconds."""

    base_url: str
    credentials: Credentials
    retries: Retries = field(default_factory=Retries)
    timeout: float = 60.0


def _renewal(credentials: Credentials) -> Call[Tokens]:
    body = {"refresh_token": credentials.refresh_token}
    return Call("POST", REFRESH, Tokens, body=body, signed=False)


class Transport:
    """Executes calls in the current thread. Threads may share it."""

    def __init__(self, config: Config, http: httpx.Client | None) -> None:
        self.config = config
        self.http = http or httpx.Client()
        self._renewing = threading.Lock()

    def run(self, call: Call[T]) -> T:
        """Execute a call and return its answer. Raises ApiError, NoAnswer or UnreadableAnswer."""
        steps = attempts(call, self.config.retries, self.config.credentials, self.config.timeout)
        outcome: Outcome = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as done:
                answer: T = done.value
                return answer
            outcome = None
            if isinstance(step, Send):
                outcome = self._sent(step)
            elif isinstance(step, Pause):
                time.sleep(step.seconds)
            elif isinstance(step, Refresh):
                self.refresh(step)

    def refresh(self, step: Refresh) -> None:
        """Renew the tokens, one caller at a time: a refresh token works once, and a second use ends the sign-in."""
        credentials = self.config.credentials
        with self._renewing:
            if credentials.bearer == step.stale:
                credentials.replace(self.run(_renewal(credentials)))

    def _sent(self, step: Send) -> Outcome:
        """Send a request. httpx only limits the time of each read; this also limits a slow answer in total."""
        until = time.monotonic() + step.timeout
        url = self.config.base_url + step.url
        try:
            with self.http.stream(
                step.method, url, params=step.params, headers=step.headers, content=step.content,
                timeout=step.timeout,
            ) as answer:  # fmt: skip
                body = bytearray()
                for chunk in answer.iter_bytes():
                    body += chunk
                    if time.monotonic() > until:
                        return httpx.ReadTimeout("the answer takes too long")
                return _whole(answer, bytes(body))
        except httpx.TransportError as error:
            return error


class AsyncTransport:
    """Executes calls in an asyncio loop. Tasks may share it."""

    def __init__(self, config: Config, http: httpx.AsyncClient | None) -> None:
        self.config = config
        self.http = http or httpx.AsyncClient()
        self._renewing = asyncio.Lock()

    async def run(self, call: Call[T]) -> T:
        """Execute a call and return its answer. Raises ApiError, NoAnswer or UnreadableAnswer."""
        steps = attempts(call, self.config.retries, self.config.credentials, self.config.timeout)
        outcome: Outcome = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as done:
                answer: T = done.value
                return answer
            outcome = None
            if isinstance(step, Send):
                outcome = await self._sent(step)
            elif isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
            elif isinstance(step, Refresh):
                await self.refresh(step)

    async def refresh(self, step: Refresh) -> None:
        """Renew the tokens, one caller at a time: a refresh token works once, and a second use ends the sign-in."""
        credentials = self.config.credentials
        async with self._renewing:
            if credentials.bearer == step.stale:
                credentials.replace(await self.run(_renewal(credentials)))

    async def _sent(self, step: Send) -> Outcome:
        url = self.config.base_url + step.url
        try:
            async with asyncio.timeout(step.timeout):
                return await self.http.request(
                    step.method, url, params=step.params, headers=step.headers, content=step.content,
                    timeout=step.timeout,
                )  # fmt: skip
        except httpx.TransportError as error:
            return error
        except TimeoutError:
            return httpx.ReadTimeout("the answer takes too long")


def _whole(answer: httpx.Response, body: bytes) -> httpx.Response:
    """The answer with its body, which is already decompressed."""
    kept = {name: value for name, value in answer.headers.items() if name.lower() != "content-encoding"}
    return httpx.Response(answer.status_code, headers=kept, content=body, request=answer.request)


class Group:
    """The operations of one kind of resource."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _run(self, call: Call[T]) -> T:
        return self._transport.run(call)


class AsyncGroup:
    """The operations of one kind of resource."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    @property
    def _run(self) -> Callable[[Call[T]], Awaitable[T]]:
        return self._transport.run
