"""GET by id through the real cache: the allowed answers, reads that bypass it, and a cache that is down or slow."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from shared import resources
from shared.adapters.cache import HARD_SECONDS, Entry, FirestoreCache
from shared.adapters.circuit_breaker import Breaker
from shared.adapters.memory_documents import Documents
from shared.reads.cached_read import SingleFlight
from shared.runtime.clock import SystemClock
from shared.store.port import Database, Read, Reader
from tests.emulated.desk.world import NO_CACHE, Desk
from tests.support.clock import TestClock
from tests.support.inprocess import Answer
from tests.support.stores import EMBEDDED


@pytest.fixture
def cache() -> Iterator[FirestoreCache]:
    """The real cache with long timeouts: other tests make the emulator slow."""
    settings = resources.settings()
    with far_cache("(default)") as made:
        assert settings.cache_enabled
        yield made


@contextmanager
def far_cache(database: str) -> Iterator[FirestoreCache]:
    made = FirestoreCache(collection(database), resources.clock(), call_seconds=10)
    with resources.override(cache=made):
        yield made


REGIONS: defaultdict[str, Documents] = defaultdict(Documents)


def collection(database: str) -> Any:
    """The cache's entries in Firestore, or in memory."""
    if EMBEDDED:
        return REGIONS[database]
    from google.cloud import firestore

    return firestore.Client(project=resources.settings().project, database=database).collection("c")


def plant(cache: FirestoreCache, kind: str, view: Any, *, note: str, age: float = 0) -> None:
    """Plant an entry that differs from the row."""
    since = resources.clock().now() - timedelta(seconds=age)
    body = json.dumps(view | {"note": note})
    cache.fill(kind, view["id"], Entry(view["version"], view["user_id"], body, since))


def get(desk: Desk, path: str, user: str, **headers: str) -> Answer:
    answer = desk.app.call("GET", path, user=user, headers=headers)
    assert answer.status == 200, answer.text
    return answer


def test_an_entry_answers_its_owner_until_it_is_over_or_unwanted(
    desk: Desk, clock: TestClock, cache: FirestoreCache
) -> None:
    shopper, stranger = desk.shopper(), desk.person()
    order = desk.order(shopper, note="as it is")
    path = f"/orders/{order['id']}"
    plant(cache, "orders", order, note="as it was")
    assert get(desk, path, shopper).body["note"] == "as it was"
    assert get(desk, path, shopper, **NO_CACHE).body["note"] == "as it is"
    plant(cache, "orders", order, note="as it was")
    assert get(desk, path, shopper, **{"Min-Version": "1"}).body["note"] == "as it was"
    assert "note" not in get(desk, path, stranger).body, "another reader's right is read from Spanner"
    plant(cache, "orders", order, note="as it was")
    clock.advance(timedelta(seconds=HARD_SECONDS))
    assert get(desk, path, shopper).body["note"] == "as it is"


def test_one_reads_what_one_wrote_by_naming_its_version(desk: Desk, cache: FirestoreCache) -> None:
    shopper = desk.shopper()
    order = desk.order(shopper)
    path = f"/orders/{order['id']}"
    cache.expire = lambda *_: None  # type: ignore[method-assign] - the writer died before it updated the cache
    get(desk, path, shopper)
    changed = desk.app.ok(200, "PUT", path, {"note": "new"}, user=shopper)
    plant(cache, "orders", order, note="old")
    assert get(desk, path, shopper).body["note"] == "old", "within the hard limit"
    newer = get(desk, path, shopper, **{"Min-Version": str(changed["version"])})
    assert (newer.body["note"], newer.headers["ETag"]) == ("new", '"2"')
    assert get(desk, path, shopper).body["note"] == "new", "the better read has filled"


def test_a_version_that_nobody_wrote_is_answered_with_the_newest(desk: Desk, cache: FirestoreCache) -> None:
    shopper = desk.shopper()
    order = desk.order(shopper)
    assert get(desk, f"/orders/{order['id']}", shopper, **{"Min-Version": "99"}).body["version"] == 1


def test_what_is_new_is_never_missing(desk: Desk, cache: FirestoreCache) -> None:
    """A read that may be ten seconds old does not see the row; the strong read after it does."""
    shopper = desk.shopper()
    for _ in range(5):
        order = desk.order(shopper, "0.01")
        assert get(desk, f"/orders/{order['id']}", shopper).body["id"] == order["id"]


class Slow:
    """A database whose snapshots wait for permission; it counts the snapshots that may be old."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.go, self.reads = threading.Event(), 0

    def snapshot(self, **options: Any) -> Reader:
        inner, owner = self._inner.snapshot(**options), self

        class Waiting:
            def read(self, *reads: Read) -> Any:
                owner.reads += bool(options.get("staleness"))
                owner.go.wait(30)
                return inner.read(*reads)

        return Waiting()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def test_concurrent_misses_share_one_read(desk: Desk, cache: FirestoreCache) -> None:
    shopper = desk.shopper()
    path = f"/orders/{desk.order(shopper)['id']}"
    slow = Slow(resources.database())
    joined = threading.Semaphore(0)

    class Flights(dict[Any, Any]):
        def get(self, key: Any, default: Any = None) -> Any:
            joined.release()
            return super().get(key, default)

    with resources.override(database=slow), ThreadPoolExecutor(8) as pool:
        resources.memory(SingleFlight)._flights = Flights()
        answers = [pool.submit(desk.app.call, "GET", path, user=shopper) for _ in range(8)]
        for _ in answers:  # who has only missed could come too late for the shared read
            assert joined.acquire(timeout=30)
        slow.go.set()
        assert {answer.result().status for answer in answers} == {200}
    assert slow.reads == 1


def test_a_cache_that_does_not_answer_is_passed_by(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """After five failures the product no longer asks it, except for an occasional probe."""
    from google.cloud import firestore

    shopper = desk.shopper()
    path = f"/orders/{desk.order(shopper)['id']}"
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:9")  # nothing listens on the discard port
    entries = firestore.Client(project=resources.settings().project).collection("c")
    asked: list[str] = []

    class Counting:
        def __init__(self, name: str) -> None:
            self.document = entries.document(name)

        def get(self, **how: Any) -> Any:
            asked.append("get")
            return self.document.get(**how)

        def set(self, *fields: Any, **how: Any) -> Any:
            asked.append("set")
            return self.document.set(*fields, **how)

    down = FirestoreCache(SimpleNamespace(document=Counting), SystemClock(), call_seconds=0.2)
    down._breaker = Breaker("no answer", limit=5, pause=3_600)
    with resources.override(cache=down):
        for _ in range(8):
            assert get(desk, path, shopper).body["version"] == 1
        assert len(asked) == 5
        cancelled = desk.app.ok(200, "POST", f"{path}/cancel", user=shopper)
        assert get(desk, path, shopper, **{"Min-Version": str(cancelled["version"])}).body == cancelled


def test_a_copy_in_another_region_ends_by_time(desk: Desk, clock: TestClock) -> None:
    """One cache database per region. A commit expires the copies of its own region; nobody tells the others."""
    shopper, claimer = desk.shopper(), desk.claimer()
    order = desk.order(shopper)
    claim = desk.claimed(claimer, order["id"])
    paths = {f"/orders/{order['id']}": shopper, f"/claims/{claim['id']}": claimer}
    with far_cache("europe"):
        before = {path: get(desk, path, user).body for path, user in paths.items()}
    desk.app.ok(200, "POST", f"/claims/{claim['id']}/release", user=claimer)
    desk.app.ok(200, "POST", f"/orders/{order['id']}/cancel", user=shopper)
    with far_cache("europe"):
        assert {path: get(desk, path, user).body for path, user in paths.items()} == before
        clock.advance(timedelta(seconds=HARD_SECONDS))
        after = {path: get(desk, path, user).body for path, user in paths.items()}
    assert [view["status"] for view in after.values()] == ["cancelled", "released"]
    assert all(after[path]["version"] > before[path]["version"] for path in paths)


def test_only_an_owner_who_reads_from_the_cache_fills_it(desk: Desk, cache: FirestoreCache) -> None:
    shopper, stranger = desk.shopper(), desk.person()
    order = desk.order(shopper)
    get(desk, f"/orders/{order['id']}", shopper, **NO_CACHE)
    get(desk, f"/orders/{order['id']}", stranger)
    assert cache.get("orders", order["id"]) is None
    get(desk, f"/orders/{order['id']}", shopper)
    assert cache.get("orders", order["id"]) is not None


def test_an_entry_of_another_release_is_a_miss(desk: Desk, cache: FirestoreCache) -> None:
    shopper = desk.shopper()
    order = desk.order(shopper)
    plant(
        cache,
        "orders",
        {name: order[name] for name in ("id", "user_id", "version")},
        note="of an older shape",
    )
    assert get(desk, f"/orders/{order['id']}", shopper).body == order
