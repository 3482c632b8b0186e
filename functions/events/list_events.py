"""The caller's own events after a cursor, oldest first; with `wait` the answer waits until there is one.

The feed is in commit order: what a cursor has passed can never be followed by something earlier.
"""

from __future__ import annotations

import time

from schemas.events import EventPage, ListEvents
from shared import resources
from shared.desk import event_feed
from shared.domain.permissions import Caller
from shared.runtime.context import current, deadline_in
from shared.runtime.operation import http

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0


@http("GET", "/events", permission="event:read", others="owner", request=ListEvents, answer=EventPage)
def list_events(request: ListEvents, caller: Caller) -> EventPage:
    current().deadline = deadline_in(request.wait + resources.settings().request_seconds)
    until = time.monotonic() + request.wait
    types = event_feed.types_of(request.types)
    chunk = event_feed.read(caller.user_id, request.after, types, request.limit)
    pause = FIRST_PAUSE
    while not chunk.events and time.monotonic() < until:
        time.sleep(min(pause, max(0.0, until - time.monotonic())))
        pause = min(2 * pause, LONGEST_PAUSE)
        chunk = event_feed.read(caller.user_id, chunk.cursor, types, request.limit)
    return EventPage(items=[event for event, _ in chunk.events], cursor=chunk.cursor)
