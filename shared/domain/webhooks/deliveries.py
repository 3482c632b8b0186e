"""The delivery of one event to one endpoint: its attempts, and the time of the next one.

An attempt that is not answered by 2xx is repeated after a pause that grows from seconds to hours. After 72 hours, the
delivery has failed. The pauses vary randomly, so that deliveries that failed at the same time are not repeated at the
same time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

_HOUR: Final = 3_600.0
# Seconds between a failed attempt and the next one: 14 attempts over 72 hours.
PAUSES: Final = (
    *(5.0, 30.0, 120.0, 600.0, 1_800.0, _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR),
    *(12 * _HOUR, 12 * _HOUR, 16 * _HOUR, 16 * _HOUR),
)
JITTER: Final = 0.1  # the part of a pause by which it varies
MAX_RETRY_AFTER: Final = timedelta(hours=24)  # a longer wait that an endpoint asks for is reduced to this
ATTEMPTS_KEPT: Final = 20

DeliveryStatus = Literal["pending", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One request to the endpoint. `error`: why there is no status code; `answer`: the beginning of the response."""

    at: datetime
    status_code: int | None
    milliseconds: int
    error: str | None
    answer: str | None

    @property
    def taken(self) -> bool:
        return self.status_code is not None and 200 <= self.status_code < 300

    def plain(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "status_code": self.status_code,
            "milliseconds": self.milliseconds,
            "error": self.error,
            "answer": self.answer,
        }


@dataclass(frozen=True, slots=True)
class Delivery:
    """The row of a delivery. `body` is signed and sent, the same in each attempt. `tries` counts the attempts since the
    delivery was last requested."""

    webhook_id: str
    id: str  # dlv_…
    event_id: str
    event_type: str
    subject: str
    sequence: int
    body: str = field(repr=False)
    status: DeliveryStatus
    tries: int
    attempts: tuple[Mapping[str, Any], ...]
    due_at: datetime | None
    delivered_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


def delivery_id(webhook_id: str, event_id: str) -> str:
    """The id for an event and an endpoint; the same however often the event is read from the feed."""
    digest = hashlib.blake2b(f"{webhook_id}/{event_id}".encode(), digest_size=15).hexdigest()
    return f"dlv_{digest}"


def new_delivery(
    webhook_id: str, envelope: Mapping[str, Any], body: str, happened_at: datetime, now: datetime
) -> Delivery:
    """A new delivery of an event (a CloudEvent) that happened at `happened_at`; it is due now."""
    return Delivery(
        webhook_id=webhook_id,
        id=delivery_id(webhook_id, envelope["id"]),
        event_id=envelope["id"],
        event_type=envelope["type"],
        subject=envelope["subject"],
        sequence=int(envelope.get("sequence", 0)),
        body=body,
        status="pending",
        tries=0,
        attempts=(),
        due_at=now,
        delivered_at=None,
        version=1,
        created_at=happened_at,
        updated_at=now,
    )


def attempted(
    delivery: Delivery, attempt: DeliveryAttempt, retry_after: float | None, chance: float
) -> Delivery:
    """The delivery after an attempt. `retry_after`: seconds that the endpoint asks to wait; `chance`: a random number
    from 0 to 1, for the jitter."""
    tries = delivery.tries + 1
    kept = (*delivery.attempts, attempt.plain())[-ATTEMPTS_KEPT:]
    after = replace(delivery, tries=tries, attempts=kept, version=delivery.version + 1, updated_at=attempt.at)
    if attempt.taken:
        return replace(after, status="delivered", due_at=None, delivered_at=attempt.at)
    if tries > len(PAUSES):
        return replace(after, status="failed", due_at=None)
    pause = timedelta(seconds=PAUSES[tries - 1] * (1 + JITTER * (2 * chance - 1)))
    requested = min(timedelta(seconds=retry_after or 0), MAX_RETRY_AFTER)
    return replace(after, due_at=attempt.at + max(pause, requested))


def first(delivery: Delivery) -> Delivery:
    """The delivery, due before all others that wait, because its owner watches it."""
    return (
        delivery if delivery.due_at is None else replace(delivery, due_at=delivery.due_at - MAX_RETRY_AFTER)
    )


def requested_again(delivery: Delivery, now: datetime) -> Delivery:
    """The delivery, to be made again under the same id, with the schedule of a new one."""
    return replace(
        delivery, status="pending", tries=0, due_at=now, version=delivery.version + 1, updated_at=now
    )
