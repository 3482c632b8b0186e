"""The fence on the real Firestore: a late fill can only cause a miss, and an entry has an end."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta

import pytest

from shared.cache import HARD_SECONDS, Entry, FirestoreCache
from tests.support.clock import TestClock


@pytest.fixture
def cache(emulators: Mapping[str, str]) -> FirestoreCache:
    return FirestoreCache(emulators["GOOGLE_CLOUD_PROJECT"], "(default)", TestClock(), call_seconds=10)


def entry(cache: FirestoreCache, version: int) -> Entry:
    return Entry(version, "usr_1", f'{{"version":{version}}}', cache._clock.now())


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
    old = entry(cache, 1)
    late = Entry(1, old.owner, old.body, old.since - timedelta(seconds=HARD_SECONDS))
    cache.fill("orders", identity, late)
    assert cache.get("orders", identity) is None
