"""Receivers that fail, stall, redirect, drip, flood and answer garbage: each attempt ends in time with the true result,
and no receiver delays another."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from emulators.client import wait_for
from shared.domain.webhooks.lanes import new_lane
from shared.webhooks import lanes, sending
from shared.webhooks.lanes import LanePlaces
from tests.emulated.webhooks.world import Hooks
from tests.support.clock import ShiftedClock
from tests.support.receivers import (
    Behaviour,
    Got,
    Receiver,
    answer,
    drip,
    drip_body,
    flood,
    garbage,
    hang_up,
    headers_flood,
    receiver,
    stall,
)

SECONDS = 1.0  # limit for an attempt in these tests
BOUND = 20.0  # seconds for an attempt on a busy machine; these receivers would go on for a minute


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SECONDS", SECONDS)


def attempts(hooks: Hooks, behaviour: Behaviour) -> tuple[object, str, float]:
    """The single attempt's status code and error text, and the duration of all."""
    with receiver(behaviour) as made:
        user = hooks.user()
        webhook = hooks.endpoint(user, made.url, "order.*")
        hooks.happen(user)
        began = time.monotonic()
        hooks.drain()
        took = time.monotonic() - began
        (delivery,) = hooks.deliveries(user, webhook)
        (attempt,) = delivery["attempts"]
        assert len(made.got) == 1
    return attempt["status_code"], attempt["error"], took


@pytest.mark.parametrize("behaviour", [stall, drip, garbage, hang_up, headers_flood])
def test_what_is_no_answer_is_a_failure_within_bounds(hooks: Hooks, behaviour: Behaviour) -> None:
    status, error, took = attempts(hooks, behaviour)
    assert (status, bool(error)) == (None, True)
    assert took < BOUND


@pytest.mark.parametrize("behaviour", [drip_body, flood])
def test_an_answer_counts_by_its_status_whatever_its_body_does(hooks: Hooks, behaviour: Behaviour) -> None:
    status, error, took = attempts(hooks, behaviour)
    assert (status, error) == (200, None)
    assert took < BOUND


def test_redirects_are_not_followed(hooks: Hooks, taking: Receiver) -> None:
    status, error, _ = attempts(hooks, answer(307, b"", Location=taking.url))
    assert (status, error) == (307, "redirects are not followed")
    assert taking.connections == 0


def test_a_port_that_nobody_listens_on_is_a_failure(hooks: Hooks) -> None:
    with receiver() as gone:
        url = gone.url
    user = hooks.user()
    webhook = hooks.endpoint(user, url, "order.*")
    hooks.happen(user)
    hooks.drain()
    (delivery,) = hooks.deliveries(user, webhook)
    assert delivery["status"] == "pending"
    assert delivery["attempts"][0]["error"]


def test_gone_disables_at_once(hooks: Hooks) -> None:
    with receiver(answer(410)) as gone:
        user = hooks.user()
        webhook = hooks.endpoint(user, gone.url, "order.*")
        hooks.happen(user, count=3)
        hooks.drain()
        seen = hooks.shown(user, webhook)
        assert (seen["status"], seen["disabled_reason"]) == ("disabled", "gone")
        known = len(gone.got)
        hooks.happen(user)
        hooks.sweep()
        assert len(gone.got) == known


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_for_all_of_the_endpoint(
    hooks: Hooks, clock: ShiftedClock, status: int
) -> None:
    with receiver(answer(status, Retry_After="120")) as busy:
        user = hooks.user()
        webhook = hooks.endpoint(user, busy.url, "order.*")
        hooks.happen(user)
        hooks.drain()
        busy.behaviour = answer(200)
        clock.advance(timedelta(seconds=115))
        hooks.happen(user)  # another one has to wait, too
        hooks.drain()
        hooks.sweep()
        assert len(busy.got) == 1
        clock.advance(timedelta(seconds=10))
        hooks.sweep()
        assert len(busy.got) == 3
        assert {one["status"] for one in hooks.deliveries(user, webhook)} == {"delivered"}


@pytest.mark.parametrize("value", ["-5", "soon", "9" * 60, "Wed, 99 Foo 2026", "\u00b2", "1e9", ""])
def test_nonsense_in_retry_after_is_ignored_or_bounded(hooks: Hooks, value: str) -> None:
    raw = value.encode("utf-8").decode("latin-1")
    status, _, _ = attempts(hooks, answer(429, Retry_After=raw))
    assert status == 429


def test_one_endpoint_that_fails_is_tried_one_by_one(hooks: Hooks, clock: ShiftedClock) -> None:
    with receiver(answer(500)) as failing:
        user = hooks.user()
        hooks.endpoint(user, failing.url, "order.*")
        hooks.happen(user, count=60)
        hooks.drain()
        first = len(failing.got)
        assert first <= lanes.AT_ONCE + 4  # a pause of a second may be over by now
        for _ in range(5):
            clock.advance(timedelta(minutes=6))
            hooks.sweep()
        assert len(failing.got) <= first + 8
        failing.behaviour = answer(200)
        clock.advance(timedelta(hours=3))
        hooks.sweep()
        assert len({got.id for got in failing.got}) == 60


def test_a_fast_endpoint_beside_stalled_ones_is_served_meanwhile(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four tenants have stalled endpoints, and one answers: its deliveries arrive while six attempts still wait."""
    monkeypatch.setattr(sending, "SECONDS", 50.0)
    over = threading.Event()

    def late(sock: socket.socket, got: Got) -> None:
        over.wait(50)
        answer(204, b"")(sock, got)

    with receiver(late) as stalled, receiver() as fast:
        users = [hooks.user() for _ in range(4)]
        for user in users:
            for _ in range(3):
                hooks.endpoint(user, stalled.url, "order.*")
        hooks.endpoint(quick := hooks.user(), fast.url, "order.*")
        alone = _latency(hooks, fast, quick)
        for user in users:
            hooks.happen(user)
        threads = _in_parallel(hooks, 6)
        wait_for("six stalled attempts", lambda: len(stalled.got) == 6, 20.0, 0.01)
        beside = [_latency(hooks, fast, quick) for _ in range(5)]
        waiting = [thread.is_alive() for thread in threads]
        over.set()
        for thread in threads:
            thread.join()
    print(f"alone {alone * 1000:.0f} ms, beside stalled ones {sorted(beside)[2] * 1000:.0f} ms")
    assert waiting == [True] * 6


def _latency(hooks: Hooks, fast: Receiver, user: str) -> float:
    known = len(fast.got)
    began = time.monotonic()
    hooks.happen(user)
    hooks.drain()
    while len(fast.got) == known:
        assert time.monotonic() < began + 20
        time.sleep(0.001)
    return fast.got[-1].at - began


def _in_parallel(hooks: Hooks, count: int) -> list[threading.Thread]:
    """Push all published messages so far, with this many threads."""
    hints = [
        (topic, envelope)
        for topic, envelope in hooks.published.sent[hooks.handled :]
        if envelope.get("audience")
    ]
    hooks.handled = len(hooks.published.sent)
    for topic, envelope in hints:
        hooks.push("wake_webhooks", envelope, topic)
    lanes_due = hooks.published.sent[hooks.handled :]
    hooks.handled = len(hooks.published.sent)
    pushes: list[Callable[[], None]] = [
        lambda envelope=envelope, topic=topic: hooks.push("deliver_webhooks", envelope, topic)  # type: ignore[misc]
        for topic, envelope in lanes_due[:count]
    ]
    threads = [threading.Thread(target=push) for push in pushes]
    for thread in threads:
        thread.start()
    return threads


def test_one_user_takes_few_places_and_failing_endpoints_few_of_all() -> None:
    now = datetime.now(UTC)
    places = LanePlaces()
    mine = new_lane("whk_1", "usr_1", now, now)
    others = [replace(mine, user_id=f"usr_{number}") for number in range(2, 12)]
    failing = [replace(lane, failures=1) for lane in others]
    with ExitStack() as held:
        taken = [held.enter_context(places.held(lane)) for lane in [mine] * 4]
        assert taken == [True, True, True, False]
        taken = [held.enter_context(places.held(lane)) for lane in failing[:4]]
        assert taken == [True, True, True, False]
        taken = [held.enter_context(places.held(lane)) for lane in others]
        assert taken == [True, True, *[False] * 8]
    with places.held(mine) as free:
        assert free
    for lane in others[:4]:  # a slow endpoint counts as a failing one
        places.note(lane.webhook_id, LanePlaces.SECONDS + 1)
    with ExitStack() as held:
        assert [held.enter_context(places.held(lane)) for lane in others[:4]] == [True, True, True, False]
    places.note("whk_1", 0.1)
    with ExitStack() as held:
        assert all(held.enter_context(places.held(lane)) for lane in others[:4])


def test_a_lane_without_a_place_is_found_by_the_sweep(
    hooks: Hooks, taking: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = hooks.user()
    hooks.endpoint(user, taking.url, "order.*")
    monkeypatch.setattr(LanePlaces, "ALL", 0)
    (subject,) = hooks.happen(user)
    hooks.drain()
    assert taking.got == []
    monkeypatch.undo()
    hooks.sweep()
    (got,) = taking.got
    assert json.loads(got.body)["subject"] == subject
