"""Access to endpoints. An endpoint reveals the owner's events, so `webhook:write` alone must not bypass
`event:read`."""

from __future__ import annotations

from shared.domain.permissions import Caller
from shared.runtime.errors import Forbidden

EVENTS = "event:read"


def require_events(caller: Caller) -> None:
    """Raises Forbidden for a key that may not read events."""
    if not caller.may(EVENTS):
        raise Forbidden.lacks(EVENTS)
