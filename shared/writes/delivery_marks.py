"""The event attribute that a subscription filters on: whether somebody waits for the event.

The mark can only prevent a delivery. Without it (because a read failed, or in another release) the event is delivered,
and its consumer checks for itself.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared import resources
from shared.domain.webhooks.endpoints import wants
from shared.runtime import cloud_event
from shared.store.session import Session
from shared.store.tables.webhooks import WEBHOOKS_BY_OWNER

WAKES: Final = "wakes"
NOBODY, SOMEBODY = "no", "yes"
_log = logging.getLogger(__name__)


def marked(envelopes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The envelopes with their marks, ready to publish.

    Uses one strong read, so that an endpoint created before an event's commit is woken by the event.
    """
    try:
        endpoints = _endpoints({user for envelope in envelopes for user in _audience(envelope)})
    except Exception:
        _log.warning("the webhook endpoints are unknown: deliveries are woken for every event", exc_info=True)
        endpoints = None
    return [_with_mark(envelope, endpoints) for envelope in envelopes]


def _endpoints(users: set[str]) -> dict[str, list[Sequence[str]]]:
    """The event filters of active endpoints, by owner."""
    found: dict[str, list[Sequence[str]]] = {}
    if users:
        session = Session(resources.database().snapshot())
        for entry in session.many(WEBHOOKS_BY_OWNER.below((user,) for user in sorted(users))):
            if entry["status"] == "active":
                found.setdefault(entry["user_id"], []).append(entry["event_types"])
    return found


def _with_mark(
    envelope: Mapping[str, Any], endpoints: Mapping[str, list[Sequence[str]]] | None
) -> dict[str, Any]:
    copy = {**envelope, WAKES: SOMEBODY}
    if endpoints is not None:
        wanted = [types for user in _audience(envelope) for types in endpoints.get(user, ())]
        if not any(wants(types, envelope["type"]) for types in wanted):
            copy[WAKES] = NOBODY
    return copy


def _audience(envelope: Mapping[str, Any]) -> list[str]:
    """The users whose feeds contain the event."""
    return str(envelope.get(cloud_event.AUDIENCE, "")).split()
