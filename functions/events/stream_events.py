"""The caller's own events as Server-Sent Events; `Last-Event-ID` goes on behind the last one that was seen.

A stream ends with the caller's token or key, after ten minutes at most, and soon after the sign-in or the key was
ended; clients come back with the last id by themselves. Streams hold a thread each, so one instance keeps only some
at once, and few of one user.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator

from schemas.events import CloudEvent, StreamEvents
from shared import resources
from shared.auth import authentication
from shared.desk import event_feed
from shared.desk.feed_readers import OpenStreams
from shared.domain.permissions import Caller
from shared.runtime.context import current
from shared.runtime.operation import http
from shared.triggers.reply import Reply

CHUNK = 100
LONGEST, PAUSE, KEEP_ALIVE, CHECK = 600.0, 0.5, 15.0, 10.0  # seconds
HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}


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
    resources.memory(OpenStreams).enter(caller.user_id)
    return Reply(200, headers=dict(HEADERS), stream=_Stream(caller.user_id, _pieces(caller, types, first)))


class _Stream(Iterator[str]):
    """Gives its place back when it ends, or when the server closes it because the caller has left."""

    def __init__(self, user_id: str, pieces: Generator[str]) -> None:
        self._user_id = user_id
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
            resources.memory(OpenStreams).leave(self._user_id)

    __del__ = close


def _pieces(caller: Caller, types: frozenset[str] | None, chunk: event_feed.Chunk) -> Generator[str]:
    until, last, checked = time.monotonic() + LONGEST, time.monotonic(), time.monotonic()
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
        now = resources.clock().now()
        if caller.expires_at is not None and now >= caller.expires_at:
            return
        if time.monotonic() - checked > CHECK:
            checked = time.monotonic()
            if not authentication.stands(caller, now):
                return
        chunk = event_feed.read(caller.user_id, chunk.cursor, types, CHUNK)


def _piece(event: CloudEvent, cursor: str) -> str:
    return f"id: {cursor}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n"
