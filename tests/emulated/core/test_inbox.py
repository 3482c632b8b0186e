"""Events that come twice, late and out of order have the same effects as in order.

A counter per aggregate applies each event once. EVENTS and MODEL_EVENTS make the test long; SEED repeats a run.
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random

from shared import resources
from shared.runtime.clock import new_id
from shared.runtime.context import Context, deadline_in, running
from shared.store.port import Database
from shared.store.session import Session
from shared.store.tables import system
from shared.store.tables.system import DEAD_LETTERS, DeadLetter
from shared.store.unit_of_work import UnitOfWork
from shared.writes import commit
from shared.writes.mutation import AlreadyApplied
from tests.support.proof import SEED, figure, size
from tests.support.stores import STORE

SIZES = {STORE: size("EVENTS", 300), "model": size("MODEL_EVENTS", 2000)}
AGGREGATES = 50
WINDOW = 1000
DUPLICATES = 0.3
WORKERS = 8


def _count(unit: UnitOfWork, aggregate: str) -> None:
    found = unit.maybe(DEAD_LETTERS.find(aggregate))
    if found is None:
        unit.write(DeadLetter(aggregate, "count", "t", "", "", {}, "new", 1, unit.now, unit.now))
    else:
        unit.write(replace(found, version=found.version + 1))


def deliver(event: tuple[str, str]) -> bool:
    """Deliver an event; returns True if it took effect now."""
    identity, aggregate = event
    with running(Context("counter", new_id("req"), deadline_in(60))):
        row = system.InboxRow("counter", identity, resources.clock().now())
        try:
            commit.commit(_count, aggregate, inbox=row)
        except AlreadyApplied:
            return False
    return True


def shuffled(events: list[tuple[str, str]], rng: Random) -> list[tuple[str, str]]:
    """Add duplicates, and move every event by at most the window."""
    several = [event for event in events for _ in range(2 if rng.random() < DUPLICATES else 1)]
    order = sorted(range(len(several)), key=lambda place: place + rng.random() * WINDOW)
    return [several[place] for place in order]


def test_duplicates_and_disorder_change_nothing(either: tuple[str, Database]) -> None:
    name, store = either
    rng = Random(SEED)
    events = [(f"evt_{number}", f"agg_{rng.randrange(AGGREGATES)}") for number in range(SIZES[name])]
    deliveries = shuffled(events, rng)
    began = time.monotonic()
    waiting = iter(deliveries)  # shared: each worker takes the next
    with ThreadPoolExecutor(WORKERS) as pool:
        work = [pool.submit(lambda: sum(map(deliver, waiting))) for _ in range(WORKERS)]
        applied = sum(one.result() for one in work)
    seconds = time.monotonic() - began
    rows = Session(store.snapshot()).many(DEAD_LETTERS.scan())
    assert {row.id: row.version for row in rows} == Counter(aggregate for _, aggregate in events)
    assert applied == len(events), f"seed {SEED}"
    text = f"{len(deliveries)} deliveries of {len(events)} events, each applied once, {seconds:.1f} s"
    figure("inbox", name, text)
