"""An endpoint's lane: up to where its owner's feed was read, who works on it, and how its endpoint does.

One process at a time works on a lane, under a lease. While the endpoint fails, the lane tries one delivery at a time
and waits between tries, so that a receiver that is down costs little and is not flooded when it comes back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.webhooks.deliveries import LONGEST_WISH, DeliveryAttempt

SHARDS: Final = 16  # read
WRITTEN: Final = 16  # what new ones are spread over: docs/delivery.md#shards
LEASE: Final = timedelta(seconds=30)  # longer than any attempt, with what is read and written around it
IDLE: Final = timedelta(minutes=10)  # after which a lane without work looks at the feed by itself
LONGEST_PAUSE: Final = 300.0  # seconds between tries while the endpoint fails
GIVEN_UP: Final = timedelta(hours=72)  # of nothing but failures
SLOW_DOWN: Final = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class WebhookLane:
    """`fed_*` is the place of the last event of the feed that was looked at. `due_at` is None while the endpoint is
    disabled."""

    webhook_id: str
    user_id: str
    shard: int
    due_at: datetime | None
    lease: str | None
    lease_until: datetime | None
    fed_at: Any  # datetime; the commit-timestamp marker while writing a new place
    fed_ord: int
    fed_id: str
    failures: int  # in a row
    failing_since: datetime | None
    not_before: datetime | None

    def leased(self, now: datetime) -> bool:
        return self.lease_until is not None and now < self.lease_until

    def waits(self, now: datetime) -> bool:
        """Whether nothing may be tried yet."""
        return self.not_before is not None and now < self.not_before

    def given_up(self, now: datetime) -> bool:
        return self.failing_since is not None and now - self.failing_since >= GIVEN_UP


def new_lane(webhook_id: str, user_id: str, now: datetime, fed_at: Any) -> WebhookLane:
    """From `fed_at` on: what happened before is not delivered."""
    shard = int.from_bytes(hashlib.blake2b(webhook_id.encode(), digest_size=2).digest(), "big") % WRITTEN
    return WebhookLane(webhook_id, user_id, shard, now + IDLE, None, None, fed_at, 0, "", 0, None, None)


def restarted(lane: WebhookLane, now: datetime, fed_at: Any) -> WebhookLane:
    """Of an endpoint that was enabled again: what happened before `fed_at` is left out."""
    return replace(
        lane, due_at=now, fed_at=fed_at, fed_ord=0, fed_id="",
        failures=0, failing_since=None, not_before=None,
    )  # fmt: skip


def stopped(lane: WebhookLane) -> WebhookLane:
    """Of an endpoint that is disabled."""
    return replace(lane, due_at=None, lease=None, lease_until=None)


def woken(lane: WebhookLane, now: datetime) -> WebhookLane:
    """Due at once; a pause that its endpoint has caused stays. One that is due already keeps its place among those who
    wait."""
    if lane.due_at is None or lane.leased(now):
        return lane
    return replace(lane, due_at=min(lane.due_at, now))


def asked(lane: WebhookLane, now: datetime) -> WebhookLane:
    """Due at once, because its endpoint's owner wants to see what happens: the endpoint's pause is over."""
    return replace(woken(lane, now), not_before=None)


def taken(lane: WebhookLane, lease: str, now: datetime) -> WebhookLane:
    return replace(lane, lease=lease, lease_until=now + LEASE, due_at=now + LEASE)


def released(lane: WebhookLane, next_due: datetime | None, now: datetime) -> WebhookLane:
    """Free for others; `next_due` is when the next of its deliveries is due."""
    due = min(next_due or now + IDLE, now + IDLE)
    if lane.not_before is not None:
        due = max(due, min(lane.not_before, now + LONGEST_WISH))
    return replace(lane, lease=None, lease_until=None, due_at=due)


def answered(
    lane: WebhookLane, attempts: Sequence[tuple[DeliveryAttempt, float | None]], now: datetime, chance: float
) -> WebhookLane:
    """After these attempts (each with what its answer's Retry-After asks for, in seconds)."""
    failed = [(attempt, wish) for attempt, wish in attempts if not attempt.taken]
    wishes = [wish for attempt, wish in failed if wish is not None and attempt.status_code in SLOW_DOWN]
    busy = any(attempt.status_code in SLOW_DOWN for attempt, _ in failed)
    if len(failed) < len(attempts):
        lane = replace(lane, failures=0, failing_since=None, not_before=None)
        if not busy:
            return lane
    if not failed:
        return lane
    failures = lane.failures + 1
    pause = min(LONGEST_PAUSE, 2.0 ** min(failures - 1, 12)) * (0.9 + 0.2 * chance)
    wait = max([pause, *wishes])
    return replace(
        lane,
        failures=failures,
        failing_since=lane.failing_since or now,
        not_before=now + min(timedelta(seconds=wait), LONGEST_WISH),
    )
