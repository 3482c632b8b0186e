"""The caller's own events as Server-Sent Events; `Last-Event-ID` goes on behind the last one that was seen.

A stream ends after ten minutes, so that it does not outlive the caller's token; clients come back with the last id
by themselves. Streams hold a thread each, so one instance keeps only some at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator

from schemas.events import CloudEvent, StreamEvents
from shared.desk import event_feed
from shared.domain.permissions import Caller
from shared.runtime.context import current
from shared.runtime.errors import Unready
from shared.runtime.operation import http
from shared.triggers.reply import Reply

STREAMS = 8  # at once in one instance
CHUNK = 100
LONGEST, PAUSE, KEEP_ALIVE = 600.0, 0.5, 15.0  # seconds
HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
_room = threading.BoundedSemaphore(STREAMS)


@http(
    "GET",
    "/events/stream",
    permission="event:read",
    others="owner",
    request=StreamEvents,
    media="text/event-stream",
)
def stream_events(request: StreamEvents, caller: Caller) -> Reply:
    cursor = request.after or current().request.last_event_id
    types = event_feed.types_of(request.types)
    first = event_feed.read(caller.user_id, cursor, types, CHUNK)
    if not _room.acquire(blocking=False):
        raise Unready("This instance serves as many streams as it can; try again.")
    return Reply(200, headers=dict(HEADERS), stream=_Stream(_pieces(caller.user_id, types, first)))


class _Stream(Iterator[str]):
    """Gives its place back when it ends, or when the server closes it because the caller has left."""

    def __init__(self, pieces: Generator[str]) -> None:
        self._pieces = pieces
        self._held = True

    def __next__(self) -> str:
        try:
            return next(self._pieces)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._pieces.close()
        if self._held:
            self._held = False
            _room.release()

    __del__ = close


def _pieces(user_id: str, types: frozenset[str] | None, chunk: event_feed.Chunk) -> Generator[str]:
    until, last = time.monotonic() + LONGEST, time.monotonic()
    yield "retry: 1000\n\n"
    while time.monotonic() < until:
        for event, cursor in chunk.events:
            yield _piece(event, cursor)
        if chunk.events:
            last = time.monotonic()
        elif time.monotonic() - last > KEEP_ALIVE:
            last = time.monotonic()
            yield ": still here\n\n"
        if len(chunk.events) < CHUNK:
            time.sleep(PAUSE)
        chunk = event_feed.read(user_id, chunk.cursor, types, CHUNK)


def _piece(event: CloudEvent, cursor: str) -> str:
    return f"id: {cursor}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n"
