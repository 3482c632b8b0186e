"""Serve many streams in one process without a thread for each.

A stream that is behind the end of its feed reads for itself: the next chunk whenever the last one is sent. For all
streams at the end of their feeds, a poll every PAUSE seconds reads one range per stream; the streams of all users'
events share one read.

Only events that the client takes are read: a slow client holds at most one chunk in memory, and its position in the
feed is a key. Polls are strong reads, so nothing can appear before a position that was passed.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, TypeVar

from schemas.events import CloudEvent
from shared import resources
from shared.auth import authentication
from shared.feed import all_events, user_events
from shared.feed.readers import OpenStreams
from shared.feed.user_events import Reader
from shared.store.port import Key, StoreError
from shared.store.tables.system import FeedEvent
from shared.triggers.streaming.subscription import CHECK, KEEP_ALIVE, MAX_SECONDS, Subscription

T = TypeVar("T")
EventAndCursor = tuple[CloudEvent, str]  # (event, cursor after it)
Positioned = tuple[Key, EventAndCursor]  # (position after it, event and cursor)
PLACES: Final = 3_000  # streams per process
OF_ONE_USER: Final = 8
PAUSE: Final = 0.25  # seconds between polls
CHUNK: Final = 100  # maximum number of events that a stream holds
RANGES, ROWS = 250, 1_000  # per read
THREADS: Final = 4
_log = logging.getLogger(__name__)


class Stream:
    """The stream of one client: `events()` runs until the stream ends; `ended` then contains the reason."""

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self.position = subscription.position
        self.ended = ""
        self.waiting = False  # at the end of its feed
        self.unsent: list[EventAndCursor] = []  # read, not yet sent
        self.woken = asyncio.Event()
        self.until = time.monotonic() + MAX_SECONDS
        self.check_at = time.monotonic() + CHECK * random.uniform(0.5, 1.0)  # noqa: S311 - spread, not secret

    @property
    def reader(self) -> Reader:
        return Reader(self.subscription.caller.user_id, self.position)

    def end(self, reason: str) -> None:
        self.ended = self.ended or reason
        self.woken.set()

    def take(self, events: Sequence[Positioned], end: Key = ()) -> None:
        """Take new events after the position, in order, up to `end`. Events that do not fit are read again later."""
        types = self.subscription.types
        for position, event in events:
            if len(self.unsent) == CHUNK:
                self.waiting = False
                break
            self.position = position
            if types is None or event[0].type in types:
                self.unsent.append(event)
        else:
            self.position = max(self.position, end)
        if self.unsent or not self.waiting:
            self.woken.set()


class Hub:
    """The streams of one event loop, at most `places` of them, and `of_one_user` per user."""

    def __init__(self, places: int = PLACES, of_one_user: int = OF_ONE_USER) -> None:
        open_streams = resources.memory(OpenStreams)
        open_streams.places, open_streams.of_one_user = places, of_one_user
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="streams")
        self._streams: set[Stream] = set()
        self._polling: asyncio.Task[None] | None = None

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run a function that waits for the database on one of a few threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    async def events(self, stream: Stream) -> AsyncGenerator[list[EventAndCursor]]:
        """The events to send, in order; an empty list if nothing happened for a while. Releases the place at its
        end."""
        self._streams.add(stream)
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())
        try:
            while not self._over(stream):
                yield await self._next(stream)
        except StoreError as error:
            _log.warning("a stream ended", extra={"error": type(error).__name__})
            stream.end("unavailable")
        finally:
            self._streams.discard(stream)
            stream.subscription.leave()

    def close(self) -> None:
        """End all streams, because the process is stopping."""
        for stream in self._streams:
            stream.end("going_away")

    @property
    def count(self) -> int:
        return len(self._streams)

    async def _next(self, stream: Stream) -> list[EventAndCursor]:
        while not (stream.unsent or stream.waiting or self._over(stream)):
            await self._read_own(stream)
        if not stream.unsent and not stream.ended:
            stream.woken.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(stream.woken.wait(), self._patience(stream))
        unsent, stream.unsent = stream.unsent, []
        return unsent

    async def _read_own(self, stream: Stream) -> None:
        chunk = await self.call(stream.subscription.read, stream.position, CHUNK)
        stream.waiting = chunk.position == stream.position
        stream.position, stream.unsent = chunk.position, chunk.events

    @staticmethod
    def _patience(stream: Stream) -> float:
        ends = stream.subscription.caller.expires_at
        left = (ends - resources.clock().now()).total_seconds() if ends is not None else KEEP_ALIVE
        return max(0.0, min(KEEP_ALIVE, left, stream.until - time.monotonic()))

    @staticmethod
    def _over(stream: Stream) -> bool:
        ends = stream.subscription.caller.expires_at
        if ends is not None and resources.clock().now() >= ends:
            stream.end("token_expired")
        elif stream.subscription.wanted or time.monotonic() >= stream.until:
            stream.end("time")
        return bool(stream.ended)

    async def _poll(self) -> None:
        """While there are streams, read new events for the waiting ones, and check who may still read."""
        while self._streams:
            await asyncio.sleep(PAUSE)
            try:
                await self._read_on()
                await self._check()
            except Exception as error:  # the next poll reads from the same positions
                _log.warning("a poll of the feed failed", extra={"error": type(error).__name__})

    async def _read_on(self) -> None:
        waiting = [stream for stream in self._streams if stream.waiting and not stream.unsent]
        everybody = [stream for stream in waiting if stream.subscription.everybody]
        if everybody:
            events, end = await self.call(_read_everybody, min(stream.position for stream in everybody))
            for stream in everybody:
                stream.take([one for one in events if one[0] > stream.position], end)
        waiting = [stream for stream in waiting if not stream.subscription.everybody]
        waiting.sort(key=lambda stream: stream.reader.user_id)
        while waiting:
            some, waiting = waiting[:RANGES], waiting[RANGES:]
            rows, by_key = await self.call(_read, [stream.reader for stream in some])
            last = rows[-1].user_id if len(rows) >= ROWS else None
            _hand_out(some, rows, by_key)
            if last is not None:  # the read may have missed events of this and later users
                waiting = [s for s in some if s.reader.user_id >= last and not s.unsent] + waiting

    async def _check(self) -> None:
        now = time.monotonic()
        for stream in self._streams:
            if stream.subscription.wanted:
                stream.end("time")
        due = [stream for stream in self._streams if stream.check_at <= now][:RANGES]
        if not due:
            return
        callers = [stream.subscription.caller for stream in due]
        valid = await self.call(authentication.still_valid, callers, resources.clock().now())
        for stream, is_valid in zip(due, valid, strict=True):
            stream.check_at = now + CHECK
            if not is_valid:
                stream.end("sign_in_ended")


def _read(readers: list[Reader]) -> tuple[list[FeedEvent], dict[Key, EventAndCursor]]:
    rows = user_events.read_for(readers, ROWS)
    return rows, {_key(row): user_events.with_cursor(row) for row in rows}


def _read_everybody(after: Key) -> tuple[list[Positioned], Key]:
    found, end = all_events.events_after(after)
    return [(place, all_events.with_cursor(place, event)) for place, event in found], end


def _key(row: FeedEvent) -> Key:
    """The key of an event for one user: several users may get the same event, each with their own view."""
    return (row.user_id, row.id)


def _hand_out(
    streams: Sequence[Stream], rows: Sequence[FeedEvent], events: Mapping[Key, EventAndCursor]
) -> None:
    by_user: dict[str, list[FeedEvent]] = defaultdict(list)
    for row in rows:
        by_user[row.user_id].append(row)
    for stream in streams:
        position = stream.position
        mine = by_user.get(stream.reader.user_id, [])
        new = [row for row in mine if not position or user_events.position_of(row) > position]
        if new:
            stream.take([(user_events.position_of(row), events[_key(row)]) for row in new])
