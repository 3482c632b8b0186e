"""The lane of a webhook endpoint: how far its owner's feed was read, which process works on it, and its failures.

One process at a time works on a lane, under a lease. While the endpoint fails, the lane makes one delivery at a time
and waits between attempts. So an endpoint that is down costs little, and is not flooded when it works again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.webhooks.deliveries import MAX_RETRY_AFTER, DeliveryAttempt

SHARDS: Final = 16  # shards that are read
WRITTEN: Final = 16  # shards over which new lanes are spread: docs/delivery.md#shards
LEASE: Final = timedelta(seconds=30)  # longer than any attempt with its reads and writes
IDLE: Final = timedelta(minutes=10)  # after this time, a lane without work reads the feed without a hint
MAX_PAUSE: Final = 300.0  # seconds between attempts while the endpoint fails
GIVEN_UP: Final = timedelta(hours=72)  # an endpoint that has only failed for this long is disabled
SLOW_DOWN: Final = frozenset({429, 502, 503, 504})  # answers of an endpoint that is overloaded


@dataclass(frozen=True, slots=True)
class WebhookLane:
    """The row of a lane. `fed_*` is the position of the last event that was read from the feed. `due_at` is None while
    the endpoint is disabled."""

    webhook_id: str
    user_id: str
    shard: int
    due_at: datetime | None
    lease: str | None
    lease_until: datetime | None
    fed_at: Any  # a datetime, or the commit-timestamp marker when a new position is written
    fed_ord: int
    fed_id: str
    failures: int  # in a row
    failing_since: datetime | None
    not_before: datetime | None

    def leased(self, now: datetime) -> bool:
        return self.lease_until is not None and now < self.lease_until

    def waits(self, now: datetime) -> bool:
        """Whether the next attempt must wait."""
        return self.not_before is not None and now < self.not_before

    def given_up(self, now: datetime) -> bool:
        return self.failing_since is not None and now - self.failing_since >= GIVEN_UP


def new_lane(webhook_id: str, user_id: str, now: datetime, fed_at: Any) -> WebhookLane:
    """A new lane; events before `fed_at` are not delivered."""
    shard = int.from_bytes(hashlib.blake2b(webhook_id.encode(), digest_size=2).digest(), "big") % WRITTEN
    return WebhookLane(
        webhook_id=webhook_id,
        user_id=user_id,
        shard=shard,
        due_at=now + IDLE,
        lease=None,
        lease_until=None,
        fed_at=fed_at,
        fed_ord=0,
        fed_id="",
        failures=0,
        failing_since=None,
        not_before=None,
    )


def restarted(lane: WebhookLane, now: datetime, fed_at: Any) -> WebhookLane:
    """The lane of an endpoint that was enabled again; events before `fed_at` are not delivered."""
    return replace(
        lane,
        due_at=now,
        fed_at=fed_at,
        fed_ord=0,
        fed_id="",
        failures=0,
        failing_since=None,
        not_before=None,
    )


def stopped(lane: WebhookLane) -> WebhookLane:
    """The lane of an endpoint that was disabled."""
    return replace(lane, due_at=None, lease=None, lease_until=None)


def woken(lane: WebhookLane, now: datetime) -> WebhookLane:
    """The lane, due at once. A pause that its endpoint has caused stays, and a lane that is already due keeps its place
    among those that wait."""
    if lane.due_at is None or lane.leased(now):
        return lane
    return replace(lane, due_at=min(lane.due_at, now))


def without_pause(lane: WebhookLane, now: datetime) -> WebhookLane:
    """The lane, due at once and without a pause, because the endpoint's owner has requested a delivery."""
    return replace(woken(lane, now), not_before=None)


def taken(lane: WebhookLane, lease: str, now: datetime) -> WebhookLane:
    return replace(lane, lease=lease, lease_until=now + LEASE, due_at=now + LEASE)


def released(lane: WebhookLane, next_due: datetime | None, now: datetime) -> WebhookLane:
    """The lane without a lease; `next_due` is the time when the next of its deliveries is due."""
    due = min(next_due or now + IDLE, now + IDLE)
    if lane.not_before is not None:
        due = max(due, min(lane.not_before, now + MAX_RETRY_AFTER))
    return replace(lane, lease=None, lease_until=None, due_at=due)


def answered(
    lane: WebhookLane, attempts: Sequence[tuple[DeliveryAttempt, float | None]], now: datetime, chance: float
) -> WebhookLane:
    """The lane after these attempts, each with its answer's Retry-After in seconds. `chance`: a random number from 0 to
    1, for the jitter."""
    failed = [(attempt, requested) for attempt, requested in attempts if not attempt.taken]
    waits = [
        requested
        for attempt, requested in failed
        if requested is not None and attempt.status_code in SLOW_DOWN
    ]
    busy = any(attempt.status_code in SLOW_DOWN for attempt, _ in failed)
    if len(failed) < len(attempts):
        lane = replace(lane, failures=0, failing_since=None, not_before=None)
        if not busy:
            return lane
    if not failed:
        return lane
    failures = lane.failures + 1
    pause = min(MAX_PAUSE, 2.0 ** min(failures - 1, 12)) * (0.9 + 0.2 * chance)
    wait = max([pause, *waits])
    return replace(
        lane,
        failures=failures,
        failing_since=lane.failing_since or now,
        not_before=now + min(timedelta(seconds=wait), MAX_RETRY_AFTER),
    )
