"""Streams of Server-Sent Events that reconnect by themselves and continue after the last received event."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

from web3_wallet_client.calls import Call, Refresh, error_of, may_repeat
from web3_wallet_client.errors import NoAnswer
from web3_wallet_client.events import Event, event_of
from web3_wallet_client.transport import AsyncTransport, Transport

SILENCE = 60.0  # seconds without a byte after which a connection is dead; the server sends every 15


@dataclass(slots=True)
class Parser:
    """Parses the lines of a stream into events. Only line feeds end lines, because JSON may contain every other
    separator."""

    cursor: str | None = None
    retry: float = 1.0  # seconds
    _rest: bytes = b""
    _id: str | None = None
    _data: list[str] = field(default_factory=list)

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that this chunk completes."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            event = self._line(line.removesuffix(b"\r").decode())
            if event is not None:
                yield event

    def restart(self) -> None:
        """Discard the unfinished event of a broken connection; the server sends it again."""
        self._rest, self._id, self._data = b"", None, []

    def _line(self, line: str) -> Event | None:
        if not line:
            return self._ended()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "id":
            self._id = value
        elif name == "retry" and value.isdecimal():
            self.retry = int(value) / 1000
        return None

    def _ended(self) -> Event | None:
        data, self._data = self._data, []
        if self._id is not None:
            self.cursor, self._id = self._id, None
        return event_of(json.loads("\n".join(data))) if data else None


@dataclass(slots=True)
class _Connection:
    """The common state and code of both kinds of streams."""

    call: Call[Any]
    parser: Parser
    connected: bool = False  # at least once
    failures: int = 0

    def headers(self, signed: Mapping[str, str]) -> dict[str, str]:
        accepted = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        found = {**self.call.headers(), **signed, **accepted}
        if self.parser.cursor is not None:
            found["Last-Event-ID"] = self.parser.cursor
        return found

    def parameters(self) -> dict[str, str]:
        """The query without `after`: a header always sends the position, even the first time."""
        return {name: value for name, value in self.call.parameters().items() if name != "after"}

    def feed(self, chunk: bytes) -> Iterable[Event]:
        self.failures = 0
        return self.parser.feed(chunk)


class EventStream:
    """An endless iterator over events as they happen. To stop, leave the loop, or use `with`.

    Once connected, it continues after an outage of any length. It raises ApiError if the server refuses it, and the
    last failure (NoAnswer, or ApiError 429 or 503) if the first connection fails as often as `Retries.attempts` says.

    `cursor` is the position after the last returned event. Store it to continue a later stream there
    (`after=cursor`). An event may come twice; use its `id` to detect this.
    """

    def __init__(self, transport: Transport, call: Call[Any]) -> None:
        self._transport = transport
        self._connection = _Connection(call, Parser(call.query.get("after") or None))
        self._events = self._read()

    @property
    def cursor(self) -> str | None:
        return self._connection.parser.cursor

    def __iter__(self) -> Iterator[Event]:
        return self._events

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._events.close()

    def _read(self) -> Generator[Event]:
        connection, config = self._connection, self._transport.config
        refreshed = False
        while True:
            connection.parser.restart()
            bearer = config.credentials.bearer
            outcome: httpx.Response | httpx.TransportError
            try:
                with self._transport.http.stream(
                    "GET", config.base_url + connection.call.url, params=connection.parameters(),
                    headers=connection.headers(config.credentials.headers()), timeout=SILENCE,
                ) as outcome:  # fmt: skip
                    if outcome.is_success:
                        connection.connected, refreshed = True, False
                        for chunk in outcome.iter_raw():
                            yield from connection.feed(chunk)
                        time.sleep(connection.parser.retry)
                        continue
                    outcome.read()
            except httpx.TransportError as error:
                outcome = error
            if _expired(outcome) and config.credentials.refreshable and not refreshed:
                refreshed = True
                self._transport.refresh(Refresh(bearer))
                continue
            time.sleep(_pause(connection, outcome, self._transport))


class AsyncEventStream:
    """An endless iterator over events as they happen. To stop, leave the loop, or use `async with`. See EventStream."""

    def __init__(self, transport: AsyncTransport, call: Call[Any]) -> None:
        self._transport = transport
        self._connection = _Connection(call, Parser(call.query.get("after") or None))
        self._events = self._read()

    @property
    def cursor(self) -> str | None:
        return self._connection.parser.cursor

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._events

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self._events.aclose()

    async def _read(self) -> AsyncGenerator[Event]:
        connection, config = self._connection, self._transport.config
        refreshed = False
        while True:
            connection.parser.restart()
            bearer = config.credentials.bearer
            outcome: httpx.Response | httpx.TransportError
            try:
                async with self._transport.http.stream(
                    "GET", config.base_url + connection.call.url, params=connection.parameters(),
                    headers=connection.headers(config.credentials.headers()), timeout=SILENCE,
                ) as outcome:  # fmt: skip
                    if outcome.is_success:
                        connection.connected, refreshed = True, False
                        async for chunk in outcome.aiter_raw():
                            for event in connection.feed(chunk):
                                yield event
                        await asyncio.sleep(connection.parser.retry)
                        continue
                    await outcome.aread()
            except httpx.TransportError as error:
                outcome = error
            if _expired(outcome) and config.credentials.refreshable and not refreshed:
                refreshed = True
                await self._transport.refresh(Refresh(bearer))
                continue
            await asyncio.sleep(_pause(connection, outcome, self._transport))


def _expired(outcome: httpx.Response | httpx.TransportError) -> bool:
    return isinstance(outcome, httpx.Response) and outcome.status_code == 401


def _pause(
    connection: _Connection,
    outcome: httpx.Response | httpx.TransportError,
    transport: Transport | AsyncTransport,
) -> float:
    """Seconds until the next connection. Raises the error of a permanently refused connection, and the last failure
    after too many attempts at the first one: a stream that has run outlives the server's restarts."""
    retries = transport.config.retries
    failure: Exception
    if isinstance(outcome, httpx.Response):
        failure = error_of(outcome)
    else:
        failure = NoAnswer(f"GET {connection.call.path}: {type(outcome).__name__}: {outcome}")
        failure.__cause__ = outcome
    connection.failures += 1
    gives_up = not connection.connected and connection.failures >= retries.attempts
    if gives_up or not may_repeat(connection.call, outcome):
        raise failure
    return retries.pause(connection.failures, getattr(failure, "retry_after", None))
