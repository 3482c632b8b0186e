"""Kill a process between sending and recording: another sends its delivery again, under the same id."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared import resources
from shared.runtime import crash_points
from shared.settings import Settings, load
from shared.store.port import Database
from shared.webhooks import hints
from tests.emulated.conftest import Recorder
from tests.emulated.webhooks.world import Hooks
from tests.support.clock import ShiftedClock
from tests.support.inprocess import App
from tests.support.receivers import Receiver
from tests.support.stores import leads_to


def deliver(chosen: Settings, webhook: str, fault: str) -> None:
    """Run the lane once in a separate process, until it dies."""
    with resources.override(fresh=True, settings=chosen, publisher=Recorder()):
        crash_points.arm(fault)
        envelope: Mapping[str, Any] = hints._envelope(webhook)
        App().push("deliver_webhooks", envelope, topic=hints.TOPIC)


@pytest.mark.parametrize("passage", [1, 3])
def test_what_a_killed_process_sent_comes_again_with_the_same_id(
    hooks: Hooks, taking: Receiver, database: Database, passage: int
) -> None:
    user = hooks.user()
    webhook = hooks.endpoint(user, taking.url, "order.*")
    hooks.happen(user, count=3)
    hooks.handled = len(hooks.published.sent)
    found = load({**os.environ, **leads_to(database)})
    chosen = replace(found, state_dir=resources.settings().state_dir, push_token="push-token")
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=deliver, args=(chosen, webhook, f"after_delivery:{passage}"))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    before = list(taking.got)
    assert before, "it died before it had sent anything"
    assert {one["status"] for one in hooks.deliveries(user, webhook)} == {"pending"}
    hooks.sweep()
    assert len(taking.got) == len(before), "the lane is leased"
    with resources.override(clock=ShiftedClock(timedelta(seconds=31))):
        hooks.sweep()
    assert len(set(taking.ids)) == 3
    assert len(taking.got) == len(before) + 3
    bodies = {(got.id, got.body) for got in taking.got}
    assert len(bodies) == 3
    assert {one["status"] for one in hooks.deliveries(user, webhook)} == {"delivered"}
