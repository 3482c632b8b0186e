"""The fenced Firestore cache of orders and claims, whose views take several rows. It never decides about money, claims
or permission.

Each operation is one call. An expiry, after a commit, is one blind merge `{v, body: None, hard, floor: Maximum(v)}`.
A fill by a reader is `{v, body, hard}` without `floor`. An entry is valid only while `v ≥ floor` and `now < hard`, so
late fills and expiries can only cause misses. A commit expires the entry of its own region; elsewhere an entry ends by
`hard`. Firestore's TTL only cleans up, a day later (policy on `gone`). A TTL on `hard` could remove the floor while a
fill from before the floor is still under way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, Self

from shared.adapters.circuit_breaker import Breaker
from shared.runtime.clock import Clock
from shared.runtime.crash_points import point

HARD_SECONDS = 20.0
KEPT = timedelta(days=1)  # a document stays at least so long
CALL_SECONDS = 0.25
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """The owner's view of a resource as JSON text, at a version."""

    version: int
    owner: str
    body: str
    since: datetime  # a time when it was current: before the read, or the commit's time


class Cache(Protocol):
    def get(self, kind: str, identity: str) -> Entry | None: ...
    def fill(self, kind: str, identity: str, entry: Entry) -> None: ...
    def expire(self, kind: str, identity: str, version: int) -> None: ...
    def check(self) -> None:
        """Raises if the cache does not answer."""
        ...


class NoCache:
    """A cache without entries, used when the cache is switched off."""

    def get(self, kind: str, identity: str) -> Entry | None:
        return None

    def fill(self, kind: str, identity: str, entry: Entry) -> None: ...
    def expire(self, kind: str, identity: str, version: int) -> None: ...
    def check(self) -> None: ...


class FirestoreCache:
    """One Firestore database per region, collection `c`, documents `<kind>:<id>`."""

    def __init__(self, entries: Any, clock: Clock, call_seconds: float = CALL_SECONDS) -> None:
        self.maximum = _maximum(entries)
        self.entries = entries
        self.clock = clock
        self._breaker = Breaker("the cache did not answer")
        self._call_seconds = call_seconds

    @classmethod
    def connect(cls, project: str, database: str, clock: Clock) -> Self:
        from google.cloud import firestore

        return cls(firestore.Client(project=project, database=database).collection("c"), clock)

    def get(self, kind: str, identity: str) -> Entry | None:
        """A valid entry; None if it is absent, expired, below the floor or of another schema, or if the cache does
        not answer."""
        snapshot = self._breaker.call(
            lambda: self.entries.document(f"{kind}:{identity}").get(timeout=self._call_seconds, retry=None)
        )
        data = snapshot.to_dict() if snapshot is not None and snapshot.exists else None
        if not data or data.get("schema") != SCHEMA or data.get("body") is None:
            return None
        if data["v"] < data.get("floor", 0) or self.clock.now() >= data["hard"]:
            return None
        return Entry(data["v"], data["owner"], data["body"], data["hard"] - timedelta(seconds=HARD_SECONDS))

    def fill(self, kind: str, identity: str, entry: Entry) -> None:
        """Store an entry after a read, unless it has already expired. It leaves the floor, so it cannot hide a newer
        commit."""
        if entry.since + timedelta(seconds=HARD_SECONDS) > self.clock.now():
            self._set(kind, identity, self._fields(entry))

    def expire(self, kind: str, identity: str, version: int) -> None:
        """Invalidate the entry after a commit that wrote `version` but does not have the whole view."""
        nothing = self._fields(Entry(version, "", "", self.clock.now())) | {"body": None}
        self._set(kind, identity, nothing | {"floor": self.maximum(version)})

    def check(self) -> None:
        self.entries.document("readiness:probe").get(timeout=2.0, retry=None)

    def _fields(self, entry: Entry) -> dict[str, Any]:
        return {
            "v": entry.version,
            "schema": SCHEMA,
            "owner": entry.owner,
            "body": entry.body,
            "hard": entry.since + timedelta(seconds=HARD_SECONDS),
            "gone": entry.since + KEPT,
        }

    def _set(self, kind: str, identity: str, fields: dict[str, Any]) -> None:
        point("before_cache")
        document = self.entries.document(f"{kind}:{identity}")
        self._breaker.call(lambda: document.set(fields, merge=True, timeout=self._call_seconds, retry=None))
        point("after_cache")


def _maximum(entries: Any) -> Any:
    """What makes a floor that only rises, for this collection."""
    from shared.adapters import memory_documents

    if isinstance(entries, memory_documents.Documents):
        return memory_documents.Maximum
    from google.cloud import firestore

    return firestore.Maximum
