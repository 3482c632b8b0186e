"""Receive the caller's own events over a WebSocket: the same events as `GET /events/stream`.

Clients authenticate by `Authorization` or `X-API-Key`, browsers by the subprotocol `bearer.<token>` or by their first
message. A request that is no WebSocket handshake is answered 426.
"""

from __future__ import annotations

from schemas.events import StreamEvents
from shared.domain.errors import Refusal
from shared.domain.permissions import Caller
from shared.runtime.operation import WEBSOCKET, http
from shared.triggers.reply import Reply


class UpgradeRequired(Refusal):
    code, status = "UPGRADE_REQUIRED", 426
    message = "This path serves WebSocket only; GET /events/stream has the same events."


@http(
    "GET",
    "/events/ws",
    permission="event:read",
    others="owner",
    request=StreamEvents,
    status=101,
    media=WEBSOCKET,
)
def connect_events(request: StreamEvents, caller: Caller) -> Reply:
    raise UpgradeRequired
