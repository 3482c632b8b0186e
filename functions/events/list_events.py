"""List the caller's own events after a cursor, oldest first; with `wait`, wait until there is one.

Nothing earlier can appear later before a cursor that was already read. Only a few calls of one user may wait at the
same time: more are answered 429. A call may end early, without events, if other users need its place.
"""

from __future__ import annotations

import time
from threading import Event

from schemas.events import EventPage, ListEvents
from shared import resources
from shared.domain.permissions import Caller
from shared.feed import user_events
from shared.feed.readers import WaitingLists
from shared.runtime.context import current, deadline_in
from shared.runtime.operation import http

FIRST_PAUSE, MAX_PAUSE = 0.1, 1.0  # seconds between two reads while the caller waits


@http("GET", "/events", permission="event:read", others="owner", request=ListEvents, answer=EventPage)
def list_events(request: ListEvents, caller: Caller) -> EventPage:
    callers_limit = current().request.seconds
    wait = request.wait if callers_limit is None else min(request.wait, callers_limit)
    current().deadline = deadline_in(wait + resources.settings().request_seconds)
    types = user_events.types_of(request.types)
    chunk = user_events.read(caller.user_id, request.after, types, request.limit)
    if not chunk.events and wait:
        until = time.monotonic() + wait
        with resources.memory(WaitingLists).held(caller.user_id) as place:
            chunk = _awaited(request, caller, chunk.cursor, types, until=until, place_wanted=place.wanted)
    return EventPage(items=[event for event, _ in chunk.events], cursor=chunk.cursor)


def _awaited(
    request: ListEvents,
    caller: Caller,
    cursor: str,
    types: frozenset[str] | None,
    *,
    until: float,
    place_wanted: Event,
) -> user_events.Chunk:
    """The first events after the cursor; empty if none came before `until` (on the monotonic clock), or before another
    caller wanted the place of this one."""
    pause = FIRST_PAUSE
    while True:
        place_wanted.wait(min(pause, max(0.0, until - time.monotonic())))
        pause = min(2 * pause, MAX_PAUSE)
        chunk = user_events.read(caller.user_id, cursor, types, request.limit)
        if chunk.events or place_wanted.is_set() or time.monotonic() >= until:
            return chunk
        cursor = chunk.cursor
