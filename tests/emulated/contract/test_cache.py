"""The fence, on Firestore and on documents in memory: a late fill can only cause a miss, and an entry expires."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from shared.adapters.cache import HARD_SECONDS, KEPT, Entry, FirestoreCache
from tests.support.clock import TestClock


@pytest.fixture(params=[pytest.param("firestore", marks=pytest.mark.emulators), "documents"])
def cache(request: pytest.FixtureRequest) -> FirestoreCache:
    entries = request.getfixturevalue(request.param)
    return FirestoreCache(entries, TestClock(), call_seconds=10)


def entry(cache: FirestoreCache, version: int) -> Entry:
    return Entry(version, "usr_1", f'{{"version":{version}}}', cache.clock.now())


def test_a_fill_is_a_hit_until_a_newer_version_is_committed(cache: FirestoreCache) -> None:
    identity = uuid.uuid4().hex
    assert cache.get("orders", identity) is None
    cache.fill("orders", identity, entry(cache, 1))
    found = cache.get("orders", identity)
    assert found is not None and (found.version, found.owner, found.body) == (1, "usr_1", '{"version":1}')
    cache.expire("orders", identity, 2)
    assert cache.get("orders", identity) is None
    cache.fill("orders", identity, entry(cache, 1))  # read before the commit, written after it
    assert cache.get("orders", identity) is None
    cache.fill("orders", identity, entry(cache, 2))
    assert (found := cache.get("orders", identity)) is not None and found.version == 2


def test_a_late_expiry_only_causes_a_miss(cache: FirestoreCache) -> None:
    identity = uuid.uuid4().hex
    cache.expire("orders", identity, 3)
    cache.fill("orders", identity, entry(cache, 3))
    cache.expire("orders", identity, 2)
    cache.fill("orders", identity, entry(cache, 2))
    assert cache.get("orders", identity) is None


def test_an_entry_ends_by_the_time_it_was_known_to_be_current(cache: FirestoreCache) -> None:
    identity = uuid.uuid4().hex
    cache.fill("orders", identity, entry(cache, 1))
    cache.clock.advance(timedelta(seconds=HARD_SECONDS))  # type: ignore[attr-defined]
    assert cache.get("orders", identity) is None
    late = Entry(2, "usr_1", "{}", cache.clock.now() - timedelta(seconds=HARD_SECONDS))
    cache.fill("orders", identity, late)
    assert cache.entries.document(f"orders:{identity}").get().to_dict()["v"] == 1, "over: not sent"


def test_a_document_merges_and_keeps_the_greatest(cache: FirestoreCache) -> None:
    """The properties of Firestore that the fence needs, tested below the cache."""
    document: Any = cache.entries.document(f"orders:{uuid.uuid4().hex}")
    assert not document.get().exists and document.get().to_dict() is None
    document.set({"a": 1, "floor": cache.maximum(5)}, merge=True)
    document.set({"b": None, "floor": cache.maximum(3)}, merge=True)
    assert document.get().to_dict() == {"a": 1, "b": None, "floor": 5}
    document.set({"a": 2, "floor": cache.maximum(7)}, merge=True)
    assert document.get().to_dict() == {"a": 2, "b": None, "floor": 7}
    document.delete()
    document.delete()
    assert not document.get().exists


def test_a_floor_outlives_what_is_filled_over_it(cache: FirestoreCache) -> None:
    identity = uuid.uuid4().hex
    cache.expire("orders", identity, 2)
    early = cache.clock.now() - timedelta(seconds=HARD_SECONDS - 1)
    cache.fill("orders", identity, Entry(1, "usr_1", "{}", early))
    stored = cache.entries.document(f"orders:{identity}").get().to_dict()
    assert stored["floor"] == 2 and stored["gone"] == early + KEPT
