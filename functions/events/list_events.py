"""The caller's own events after a cursor, oldest first; with `wait` the answer waits until there is one.

The feed is in commit order: what a cursor has passed can never be followed by something earlier.
"""

from __future__ import annotations

import time

from schemas.events import EventPage, ListEvents
from shared import resources
from shared.context import current, deadline_in
from shared.desk import feed
from shared.identity.permissions import Caller
from shared.operation import http

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0


@http("GET", "/events", permission="event:read", request=ListEvents, answer=EventPage)
def list_events(request: ListEvents, caller: Caller) -> EventPage:
    current().deadline = deadline_in(request.wait + resources.settings().request_seconds)
    until = time.monotonic() + request.wait
    wanted = frozenset(request.types.split(",")) if request.types else None
    page = feed.read(caller.user_id, request.after, wanted, request.limit)
    pause = FIRST_PAUSE
    while not page.items and time.monotonic() < until:
        time.sleep(min(pause, max(0.0, until - time.monotonic())))
        pause = min(2 * pause, LONGEST_PAUSE)
        page = feed.read(caller.user_id, page.cursor, wanted, request.limit)
    return page
