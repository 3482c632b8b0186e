"""Webhooks: the time from an event's commit to the request at its endpoint, with and without endpoints that stall, and
the number of deliveries that one process makes.

Receivers are servers on this machine. Events are pushed as soon as they are published, sixteen at once.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.bench.processor import product
from tests.emulated.webhooks.world import Bus, Hooks
from tests.support.bench import Bench
from tests.support.receivers import Receiver, receiver, stall

__all__ = ["product", "run"]

DELIVERIES = int(os.environ.get("DELIVERIES", "2000"))
ALONE, BESIDE, ENDPOINTS = 40, 40, 10
STALLED = 3  # tenants with two stalled endpoints each
WAIT_SECONDS = 120.0  # seconds
SWEEP = 1.0  # seconds between two runs of the schedule
GOAL = 1_000.0  # ms


def run(bench: Bench) -> None:
    hooks = Hooks(bench.app, bench.published)  # type: ignore[arg-type]
    with receiver(stall) as stalled, receiver() as fast, Bus(hooks).running() as bus:
        hooks.endpoint(user := hooks.user(), fast.url, "order.*")
        bus.settle()
        alone = [_latency(hooks, fast, user) for _ in range(ALONE)]
        bench.median("from the event to the request", alone, "ms")
        with _noise(hooks, stalled):
            beside = [_latency(hooks, fast, user) for _ in range(BESIDE)]
        bench.compared(
            "from the event to the request, beside stalled ones", beside, alone, than="alone", unit="ms"
        )
        bench.limit("the same, of a second", sorted(beside)[-1] / GOAL, 1.0)
    volume(bench, hooks)


def volume(bench: Bench, hooks: Hooks) -> None:
    """Measure the deliveries of one process: all events exist before the first delivery."""
    with ExitStack() as running:
        receivers = [running.enter_context(receiver()) for _ in range(ENDPOINTS)]
        users = [hooks.user() for _ in receivers]
        for user, one in zip(users, receivers, strict=True):
            hooks.endpoint(user, one.url, "order.*")
        for _ in range(0, DELIVERIES, 50 * ENDPOINTS):
            for user in users:
                hooks.happen(user, count=50)
        began, swept, used = time.monotonic(), time.monotonic(), time.process_time()
        running.enter_context(Bus(hooks).running())
        while (taken := sum(len(one.got) for one in receivers)) < DELIVERIES:
            assert time.monotonic() < began + WAIT_SECONDS, f"{taken} of {DELIVERIES} deliveries"
            bench.progress("deliveries", taken, DELIVERIES)
            if time.monotonic() > swept + SWEEP:  # the schedule delivers the rest
                swept = time.monotonic()
                assert bench.app.schedule("sweep_webhooks").status == 204
            time.sleep(0.02)
        took, used = time.monotonic() - began, time.process_time() - used
    bench.figure(f"{DELIVERIES:,} deliveries to {ENDPOINTS} endpoints", DELIVERIES / took, "a second")
    bench.figure("processor of a delivery, its receiver included", used * 1e3 / DELIVERIES, "ms")


@contextmanager
def _noise(hooks: Hooks, stalled: Receiver) -> Iterator[None]:
    """Other tenants' events meanwhile, at endpoints that never finish an answer."""
    users = [hooks.user() for _ in range(STALLED)]
    for user in users:
        for _ in range(2):
            hooks.endpoint(user, stalled.url, "order.*")
    over = threading.Event()

    def happen() -> None:
        while not over.wait(0.2):
            for user in users:
                hooks.happen(user)

    thread = threading.Thread(target=happen)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _latency(hooks: Hooks, fast: Receiver, user: str) -> float:
    """Milliseconds from before the commit."""
    known, began = len(fast.got), time.monotonic()
    hooks.happen(user)
    while len(fast.got) == known:
        assert time.monotonic() < began + 30
        time.sleep(0.001)
    return (fast.got[-1].at - began) * 1e3
