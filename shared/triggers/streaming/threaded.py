"""A stream on its own thread, for servers that only have threads. It sends what `hub` would send, but reads alone."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from typing import Final

from shared import resources
from shared.auth import authentication
from shared.triggers.streaming import sse
from shared.triggers.streaming.subscription import CHECK, KEEP_ALIVE, MAX_SECONDS, Subscription

CHUNK: Final = 100
PAUSE: Final = 0.5  # seconds


class ThreadedStream(Iterator[str]):
    """Streams events; releases its place when it ends, or when the server closes it because the caller has left."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self._pieces = _pieces(subscription)

    def __next__(self) -> str:
        try:
            return next(self._pieces)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._pieces.close()
        self._subscription.leave()

    __del__ = close


def _pieces(subscription: Subscription) -> Generator[str]:
    caller, position = subscription.caller, subscription.position
    until, last, checked = time.monotonic() + MAX_SECONDS, time.monotonic(), time.monotonic()
    yield sse.FIRST
    while time.monotonic() < until:
        chunk = subscription.read(position, CHUNK)
        position = chunk.position
        yield from map(sse.piece, chunk.events)
        if chunk.events:
            last = time.monotonic()
        elif time.monotonic() - last > KEEP_ALIVE:
            last = time.monotonic()
            yield sse.STILL_HERE
        if len(chunk.events) < CHUNK:
            time.sleep(PAUSE)
        now = resources.clock().now()
        if subscription.wanted or (caller.expires_at is not None and now >= caller.expires_at):
            return
        if time.monotonic() - checked > CHECK:
            checked = time.monotonic()
            if authentication.still_valid([caller], now) != [True]:
                return
