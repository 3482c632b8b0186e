"""Stream the caller's own events as Server-Sent Events; `Last-Event-ID` continues after the last event seen.

A stream ends when the caller's token or key expires, after ten minutes at most, and soon after the session or key was
revoked: connect again with the last id, as an EventSource does by itself. A user may have only a few streams at the
same time: more are answered 429.
"""

from __future__ import annotations

from schemas.events import StreamEvents
from shared.domain.permissions import Caller
from shared.feed import user_events
from shared.runtime.context import current
from shared.runtime.operation import EVENT_STREAM, http
from shared.triggers.reply import Reply
from shared.triggers.streaming.subscription import Subscription


@http(
    "GET",
    "/events/stream",
    permission="event:read",
    others="owner",
    request=StreamEvents,
    media=EVENT_STREAM,
)
def stream_events(request: StreamEvents, caller: Caller) -> Reply:
    position = user_events.position(caller.user_id, request.after or current().request.last_event_id)
    types = user_events.types_of(request.types)
    return Reply.of_stream(Subscription.enter(caller, types, position))
