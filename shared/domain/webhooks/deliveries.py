"""One event on its way to one endpoint: its attempts, and when the next one is.

An attempt that is not answered by 2xx is repeated after a pause that grows from seconds to hours, over 72 hours; then
the delivery has failed. The pauses are drawn from a range, so that what failed together does not come back together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

_HOUR: Final = 3_600.0
# Seconds after each failed attempt until the next: 14 attempts over 72 hours.
PAUSES: Final = (
    *(5.0, 30.0, 120.0, 600.0, 1_800.0, _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR),
    *(12 * _HOUR, 12 * _HOUR, 16 * _HOUR, 16 * _HOUR),
)
JITTER: Final = 0.1  # of a pause, less or more
LONGEST_WISH: Final = timedelta(hours=24)  # of a Retry-After that is honoured
ATTEMPTS_KEPT: Final = 20

DeliveryStatus = Literal["pending", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One request to the endpoint. `error` says why there is no status code; `answer` is the beginning of the body."""

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
    """`body` is what is signed and sent, the same in each attempt. `tries` counts since it was last asked for."""

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
    """The same for one event and one endpoint, however often it is fed."""
    digest = hashlib.blake2b(f"{webhook_id}/{event_id}".encode(), digest_size=15).hexdigest()
    return f"dlv_{digest}"


def new_delivery(
    webhook_id: str, envelope: Mapping[str, Any], body: str, happened_at: datetime, now: datetime
) -> Delivery:
    """Of an event (a CloudEvent) that happened then; due now."""
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
    """After one attempt. `retry_after`: seconds that the endpoint asks for; `chance`: from 0 to 1, for the jitter."""
    tries = delivery.tries + 1
    kept = (*delivery.attempts, attempt.plain())[-ATTEMPTS_KEPT:]
    after = replace(delivery, tries=tries, attempts=kept, version=delivery.version + 1, updated_at=attempt.at)
    if attempt.taken:
        return replace(after, status="delivered", due_at=None, delivered_at=attempt.at)
    if tries > len(PAUSES):
        return replace(after, status="failed", due_at=None)
    pause = timedelta(seconds=PAUSES[tries - 1] * (1 + JITTER * (2 * chance - 1)))
    wish = min(timedelta(seconds=retry_after or 0), LONGEST_WISH)
    return replace(after, due_at=attempt.at + max(pause, wish))


def first(delivery: Delivery) -> Delivery:
    """Before all that waits: somebody looks at what becomes of it."""
    return delivery if delivery.due_at is None else replace(delivery, due_at=delivery.due_at - LONGEST_WISH)


def asked_again(delivery: Delivery, now: datetime) -> Delivery:
    """To be delivered once more, from the beginning of its schedule, under the same id."""
    return replace(
        delivery, status="pending", tries=0, due_at=now, version=delivery.version + 1, updated_at=now
    )
