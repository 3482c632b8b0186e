"""Stream the events of all users as Server-Sent Events, for operators.

An event says what happened to which resource and who did it; read the resource itself for its content. The stream
continues after the event named by `Last-Event-ID` or `after`, or begins now when neither is given. A cursor is valid
for one day; for older events use `GET /audit`. The stream ends as a user's own event stream does.
"""

from __future__ import annotations

from schemas.events import StreamAllEvents
from shared.domain.permissions import Caller
from shared.feed import all_events, user_events
from shared.runtime.context import current
from shared.runtime.operation import EVENT_STREAM, http
from shared.triggers.reply import Reply
from shared.triggers.streaming.subscription import Subscription


@http(
    "GET",
    "/admin/events/stream",
    permission="admin:read",
    request=StreamAllEvents,
    media=EVENT_STREAM,
)
def stream_all_events(request: StreamAllEvents, caller: Caller) -> Reply:
    position = all_events.position(request.after or current().request.last_event_id)
    types = user_events.types_of(request.types)
    return Reply.of_stream(Subscription.enter(caller, types, position, everybody=True))
