"""Answers about an order to concurrent clients are explained by some sequential order of the calls.

OPERATIONS and MODEL_OPERATIONS make the test long; SEED chooses another run.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from shared import resources
from shared.adapters.cache import NoCache
from shared.store.port import Database, StoreTransaction
from shared.store.session import Session
from tests.emulated.conftest import Recorder
from tests.emulated.desk.concurrent_clients import Crowd
from tests.emulated.desk.invariants import balanced
from tests.emulated.desk.world import Desk
from tests.model.claims import OrderState, step
from tests.model.linearizability import linearizable
from tests.model.store import Attempt, Faults, MemoryDatabase
from tests.support.clock import TestClock
from tests.support.doubled_claims import doubled
from tests.support.proof import SEED, figure, size
from tests.support.stores import STORE

SIZES = {STORE: size("OPERATIONS", 400), "model": size("MODEL_OPERATIONS", 1500)}
LEASE_SECONDS = 60  # short: many leases run out, because the clients move the clock


@contextmanager
def crowd(desk: Desk, store: Database) -> Iterator[Crowd]:
    """Clients over this store; the node is a real one."""
    clock, quiet = TestClock(), Recorder(sent=deque(maxlen=0))
    settings = replace(resources.settings(), claim_lease_seconds=LEASE_SECONDS)
    with resources.override(database=store, cache=NoCache(), clock=clock, settings=settings):
        made = Crowd(desk, clock, SEED)
        with resources.override(publisher=quiet):
            yield made


@pytest.mark.parametrize("name", [STORE, "model"])
def test_histories_of_orders_are_linearizable(desk: Desk, name: str) -> None:
    rng = Random(SEED)
    store = resources.database() if name == STORE else MemoryDatabase(Faults(rng, 0.05, 0.02))
    with crowd(desk, store) as clients:
        began = time.monotonic()
        clients.run(SIZES[name])
        seconds = time.monotonic() - began
        balanced(Session(store.snapshot()))
    assert not clients.broken, f"seed {SEED}: {clients.broken[0].text}"
    wrong = [play for play in clients.played if not linearizable(play.calls, OrderState(), step)]
    assert not wrong, f"seed {SEED}: {sorted(wrong[0].calls, key=lambda call: call.begun)}"
    calls = [call.what for play in clients.played for call in play.calls]
    kinds = Counter((what.kind, what.status) for what in calls)
    assert kinds["process", 202] and kinds["release", 200] and kinds["heartbeat", 409] and kinds["claim", 0]
    broken = [copy for play in clients.played for _ in range(5) if (copy := doubled(play.calls, rng))]
    found = sum(not linearizable(copy, OrderState(), step) for copy in broken)
    assert found >= 0.99 * len(broken) > 0, f"seed {SEED}: {found} of {len(broken)}"
    figure(
        "linearizability",
        name,
        f"{len(calls)} operations on {len(clients.played)} orders, {seconds:.1f} s, every history linearizable; "
        f"{found} of {len(broken)} injected double claims found",
    )


class Careless(MemoryDatabase):
    """A faulty store: it commits decisions over rows that others have changed since, and ignores unique indexes."""

    def __init__(self) -> None:
        super().__init__()
        self._unique = {name: [] for name in self._unique}

    def transact(self, body: Callable[[StoreTransaction], Any], *, optimistic: bool = False) -> Any:
        attempt = Attempt(self)
        answer = body(attempt)
        time.sleep(0.001)  # others decide meanwhile
        return answer, self.write(attempt.writes)


def test_a_store_without_isolation_is_found_out(desk: Desk) -> None:
    """The checker finds the double claims of a product that really makes them."""
    with crowd(desk, Careless()) as clients:
        clients.run(400)
    assert not all(linearizable(play.calls, OrderState(), step) for play in clients.played), f"seed {SEED}"
