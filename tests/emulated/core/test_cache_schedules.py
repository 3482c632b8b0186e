"""For every interleaving of puts, fills, reads, deletions and late writers, a hit is never older than the last
completed put.

A seed is a schedule: SEED is the first seed; SCHEDULES and MODEL_SCHEDULES are the numbers of schedules.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from shared.adapters.cache import HARD_SECONDS, Entry, FirestoreCache
from shared.adapters.memory_documents import Documents
from tests.model.schedule import Actor, interleave
from tests.support.clock import TestClock
from tests.support.proof import SEED, figure, size

SIZES = {"firestore": size("SCHEDULES", 10), "documents": size("MODEL_SCHEDULES", 1500)}
LONGEST_PAUSE = 12  # steps of each other actor that may overtake a call in flight
JUMPS = [0.5, 1, 5, 12, 19, 21, 90_000]  # seconds


class Stale(AssertionError):
    """A hit older than a put that completed before the read began, or older than an entry may live."""


@dataclass
class Scene:
    """One resource: its committed versions, the version that the cache surely knows, and all its users."""

    cache: FirestoreCache
    rng: Random
    identity: str
    clock: TestClock
    removed_by: str = "gone"  # the field of the TTL policy
    committed: list[datetime] = field(default_factory=list)  # the time of each version: 1, 2, …
    completed: int = 0
    hits: int = 0

    def run(self) -> int:
        """Run the schedule; returns the number of hits. Raises Stale."""
        self.committed.append(self.clock.now())
        writers = [self.writer() for _ in range(3)]
        readers = [self.reader(self.rng.choice([0, 0, 10])) for _ in range(5)]
        interleave([*writers, *readers, self.time(), self.cleaner()], self.rng)
        return self.hits

    def pause(self) -> Actor:
        """A call in flight: usually short, sometimes much longer than all others."""
        for _ in range(self.rng.choice([0, 1, 1, 2, LONGEST_PAUSE])):
            yield

    def writer(self) -> Actor:
        """Commits (a deletion is a version too). Then it puts late, never, or without knowing the outcome."""
        for _ in range(2):
            yield from self.pause()
            self.committed.append(self.clock.now())
            version = len(self.committed)
            yield from self.pause()
            if self.rng.random() < 0.1:
                continue  # the process died
            self.cache.expire("orders", self.identity, version)
            if self.rng.random() < 0.9:
                self.completed = max(self.completed, version)

    def reader(self, staleness: float) -> Actor:
        for _ in range(4):
            yield from self.pause()
            known = self.completed
            entry = self.cache.get("orders", self.identity)
            if entry is not None:
                self._judge(entry.version, known)
                continue
            since = self.clock.now() - timedelta(seconds=staleness)
            yield from self.pause()
            version = self._read(staleness)
            yield from self.pause()
            self.cache.fill("orders", self.identity, Entry(version, "usr_1", "{}", since))

    def _read(self, staleness: float) -> int:
        """Read the row at a moment within the allowed staleness."""
        oldest = self.clock.now() - timedelta(seconds=staleness)
        current = max(1, sum(moment <= oldest for moment in self.committed))
        return self.rng.randint(current, len(self.committed)) if staleness else len(self.committed)

    def _judge(self, version: int, known: int) -> None:
        self.hits += 1
        if version < known:
            raise Stale(f"version {version} after a put of {known}")
        if version < len(self.committed):
            age = self.clock.now() - self.committed[version]  # when the next version was committed
            if age >= timedelta(seconds=HARD_SECONDS):
                raise Stale(f"version {version} is out of date since {age}")

    def time(self) -> Actor:
        for _ in range(30):
            yield
            if self.rng.random() < 0.5:
                self.clock.advance(timedelta(seconds=self.rng.choice(JUMPS)))

    def cleaner(self) -> Actor:
        """Firestore's TTL removal, as early as it may come."""
        for _ in range(30):
            yield
            document: Any = self.cache.entries.document(f"orders:{self.identity}")
            stored = document.get().to_dict()
            if stored and stored[self.removed_by] <= self.clock.now():
                document.delete()


def scene(seed: int, entries: Any, kind: type[FirestoreCache] = FirestoreCache, **how: Any) -> Scene:
    clock = TestClock()
    cache = kind(entries, clock, call_seconds=10)
    return Scene(cache, Random(seed), uuid.uuid4().hex, clock, **how)


@pytest.mark.parametrize("name", [pytest.param("firestore", marks=pytest.mark.emulators), "documents"])
def test_no_hit_is_older_than_the_last_completed_put(request: pytest.FixtureRequest, name: str) -> None:
    entries = request.getfixturevalue(name)
    began, hits = time.monotonic(), 0
    for seed in range(SEED, SEED + SIZES[name]):
        try:
            hits += scene(seed, entries).run()
        except Stale as stale:
            pytest.fail(f"seed {seed}: {stale}")
    assert hits
    figure(
        "cache", name, f"{SIZES[name]} schedules, {hits} hits, none too old, {time.monotonic() - began:.1f} s"
    )


class Lifting(FirestoreCache):
    """A faulty cache: a fill lowers the floor to the version that it read."""

    def fill(self, kind: str, identity: str, entry: Entry) -> None:
        self._set(kind, identity, self._fields(entry) | {"floor": entry.version})


class Latest(FirestoreCache):
    """A faulty cache: a put sets the floor to the version that it wrote."""

    def expire(self, kind: str, identity: str, version: int) -> None:
        nothing = self._fields(Entry(version, "", "", self.clock.now())) | {"body": None}
        self._set(kind, identity, nothing | {"floor": version})


class Living(FirestoreCache):
    """A faulty cache: an entry's lifetime starts at the fill, not when the row was current."""

    def fill(self, kind: str, identity: str, entry: Entry) -> None:
        super().fill(kind, identity, Entry(entry.version, entry.owner, entry.body, self.clock.now()))


@pytest.mark.parametrize("mistake", [Lifting, Latest, Living])
def test_the_schedules_find_a_fence_with_a_gap(documents: Documents, mistake: type[FirestoreCache]) -> None:
    with pytest.raises(Stale):
        for seed in range(2000):
            scene(seed, documents, mistake).run()


def test_the_schedules_find_a_floor_that_is_removed_too_early(documents: Documents) -> None:
    with pytest.raises(Stale):
        for seed in range(20_000):
            scene(seed, documents, removed_by="hard").run()
