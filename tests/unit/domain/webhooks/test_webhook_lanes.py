"""The time when an endpoint's lane is due, and the events that change it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.domain.webhooks import lanes

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LANE = replace(lanes.new_lane("whk_1", "usr_1", NOW, NOW), due_at=NOW)


def test_who_found_no_place_keeps_the_one_in_the_queue() -> None:
    later = NOW + timedelta(minutes=5)
    assert lanes.woken(LANE, later).due_at == NOW
    assert lanes.woken(replace(LANE, due_at=later + lanes.IDLE), later).due_at == later


def test_what_is_worked_on_or_stopped_is_not_woken() -> None:
    taken, later = lanes.taken(LANE, "lse_1", NOW), NOW + timedelta(seconds=1)
    assert lanes.woken(taken, later) == taken
    stopped = lanes.stopped(LANE)
    assert lanes.woken(stopped, later) == stopped
