"""The number of shards changes in two releases (docs/delivery.md#shards): the new release finds the old one's rows."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest

from emulators.client import wait_for
from functions.maintenance import sweep_outbox
from shared import resources
from shared.domain.contracts import events
from shared.domain.webhooks import lanes
from shared.runtime.clock import SystemClock
from shared.store import audit_chain
from shared.store.session import Session
from shared.store.tables import system
from shared.store.tables.system import AUDIT, OUTBOX, TIMERS
from tests.emulated.desk.world import Desk
from tests.support.clock import TestClock

KINDS = ("OUTBOX", "AUDIT", "TIMER")


def release(patch: pytest.MonkeyPatch, *, reads: int, writes: int) -> None:
    """A release with these numbers, in every module that uses them."""
    for kind in KINDS:
        for name, number in ((f"{kind}_SHARDS", reads), (f"{kind}_WRITTEN", writes)):
            for module in list(sys.modules.values()):
                if module.__name__.partition(".")[0] in ("shared", "functions") and name in vars(module):
                    patch.setattr(module, name, number)


def test_no_release_writes_where_it_does_not_read() -> None:
    pairs = [(getattr(system, f"{kind}_SHARDS"), getattr(system, f"{kind}_WRITTEN")) for kind in KINDS]
    pairs += [(lanes.SHARDS, lanes.WRITTEN), (events.NOTICE_SHARDS, events.NOTICE_WRITTEN)]
    assert all(1 <= written <= read for read, written in pairs)


@pytest.mark.parametrize("releases", [[(16, 16), (64, 16), (64, 64)], [(16, 16), (16, 4)]])
def test_what_the_release_before_has_left_is_found(
    desk: Desk, clock: TestClock, monkeypatch: pytest.MonkeyPatch, releases: list[tuple[int, int]]
) -> None:
    """More shards, and fewer: unpublished events, expiring orders, the audit log's chains."""
    monkeypatch.setattr(sweep_outbox, "AGE", timedelta())
    monkeypatch.setattr(audit_chain, "MARGIN", timedelta())
    shopper = desk.shopper(supply="9")
    for reads, writes in releases:
        release(monkeypatch, reads=reads, writes=writes)
        _left_over_is_handled(desk, clock)
        _leave_something(desk, clock, shopper)
    _left_over_is_handled(desk, clock)
    snapshot = Session(resources.database().snapshot())
    shards = {row.shard for row in snapshot.many(AUDIT.scan())}
    assert max(shards) >= min(16, writes) and audit_chain.verify(snapshot)[1] == []
    assert desk.events(shopper).count("order.expired") == 4 * len(releases)


def _leave_something(desk: Desk, clock: TestClock, shopper: str) -> None:
    soon = (clock.now() + timedelta(minutes=5)).isoformat().replace("+00:00", "Z")
    desk.published.failing = True
    for _ in range(4):
        desk.order(shopper, "0.1", expires_at=soon)
    desk.published.failing = False
    assert Session(resources.database().snapshot()).many(OUTBOX.scan()) != []


def _left_over_is_handled(desk: Desk, clock: TestClock) -> None:
    """Check that orders expire, events are published, and audit rows are sealed."""
    clock.advance(timedelta(minutes=6))
    assert desk.app.schedule("fire_timers").status == 204
    assert Session(resources.database().snapshot()).many(TIMERS.scan()) == []
    with resources.override(clock=SystemClock()):  # commit times follow this clock
        wait_for("the outbox to be empty", lambda: _swept(desk))
        assert desk.app.schedule("seal_audit").status == 204


def _swept(desk: Desk) -> bool:
    """Sweep; a sweep's reads may be five seconds stale."""
    assert desk.app.schedule("sweep_outbox").status == 204
    return Session(resources.database().snapshot()).many(OUTBOX.scan()) == []
