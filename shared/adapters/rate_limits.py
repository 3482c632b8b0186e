"""Limit the requests of a principal per hour: instances lease chunks of the budget from a shared counter.

One call to the counter leases a chunk (at most a tenth of the limit, less as the budget runs out), so most requests
need no call. No part of the budget is leased twice, so the limit holds exactly while the counter answers. While it does
not, each instance counts alone: at most instances × limit. Windows are whole hours; the burst is the whole hour.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from shared.domain.errors import Refusal

WINDOW_SECONDS = 3600
UNLIMITED = "service"
REMEMBERED = 50_000  # leases that an instance remembers


class TooManyRequests(Refusal):
    """`data.limit` requests in `data.window` seconds; Retry-After says when the next window begins."""

    code, status, message = "RATE_LIMITED", 429, "Too many requests; try again later."

    def __init__(self, rate: Rate, now: datetime) -> None:
        super().__init__(None, limit=rate.limit, window=WINDOW_SECONDS)
        self.retry_after = max(1.0, float(rate.reset - int(now.timestamp())))  # type: ignore[misc]


class Counters(Protocol):
    def add(self, key: str, amount: int, until: datetime) -> int | None:
        """Add to the counter and return its new value, in one call; None if the store does not answer."""
        ...


class OwnCounters:
    """No shared counter: the one process of a local run counts alone."""

    def add(self, key: str, amount: int, until: datetime) -> int | None:
        return None


@dataclass(frozen=True, slots=True)
class Rate:
    """The state of a principal's hour as this instance knows it. `reset` is in seconds since 1970."""

    limit: int
    remaining: int
    reset: int
    allowed: bool

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
            "X-RateLimit-Window": str(WINDOW_SECONDS),
        }


@dataclass(slots=True)
class _Lease:
    """A leased chunk. `left` is its unused part; `taken` is what all instances have leased, as last seen."""

    left: int = 0
    taken: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Limiter:
    """The rate limiter of an instance; safe for threads. `limits` are requests per hour by tier or another name."""

    def __init__(self, counters: Counters, limits: Mapping[str, int]) -> None:
        self._counters = counters
        self._limits = limits
        self._leases: OrderedDict[tuple[str, int], _Lease] = OrderedDict()
        self._lock = threading.Lock()

    def limit(self, name: str, default: str) -> int:
        return self._limits.get(name, self._limits.get(default, 0))

    def take(self, principal: str, limit: int, now: datetime, count: int = 1) -> Rate:
        """Count requests against `limit`; if fewer than `count` are left, none are left afterwards."""
        hour = int(now.timestamp()) // WINDOW_SECONDS
        lease = self._lease((principal, hour))
        with lease.lock:
            while count > 0:
                if lease.left <= 0:
                    self._renew(f"{principal}:{hour}", lease, limit, hour)
                if lease.left <= 0:
                    break
                taken = min(count, lease.left)
                lease.left, count = lease.left - taken, count - taken
            allowed = count <= 0
            remaining = lease.left + max(0, limit - lease.taken)
        return Rate(limit, remaining, (hour + 1) * WINDOW_SECONDS, allowed)

    def give_back(self, principal: str, now: datetime) -> None:
        """Undo the count of a request in this hour that turned out not to be of the limited kind."""
        lease = self._lease((principal, int(now.timestamp()) // WINDOW_SECONDS))
        with lease.lock:
            lease.left += 1

    def _renew(self, key: str, lease: _Lease, limit: int, hour: int) -> None:
        chunk = max(1, min(limit // 10, (limit - lease.taken) // 4))
        if lease.taken >= limit:
            return
        until = datetime.fromtimestamp((hour + 1) * WINDOW_SECONDS, UTC) + timedelta(hours=1)
        total = self._counters.add(key, chunk, until)
        if total is None:  # count alone, as if no other instance had leased anything since
            total = lease.taken + chunk
        lease.left = max(0, min(chunk, limit - (total - chunk)))
        lease.taken = min(limit, total)

    def _lease(self, key: tuple[str, int]) -> _Lease:
        with self._lock:
            lease = self._leases.setdefault(key, _Lease())
            self._leases.move_to_end(key)
            if len(self._leases) > REMEMBERED:
                self._leases.popitem(last=False)
            return lease


class FirestoreCounters:
    """Counters in Firestore: documents `<key>` of the collection `rates`. The TTL policy on `until` removes them."""

    def __init__(self, project: str, database: str) -> None:
        from google.cloud import firestore

        from shared.adapters.circuit_breaker import Breaker

        self._client = firestore.Client(project=project, database=database)
        self._breaker = Breaker("the counter of rate limits did not answer")

    def add(self, key: str, amount: int, until: datetime) -> int | None:
        """Increment the counter in one commit that returns the result."""
        answer: int | None = self._breaker.call(lambda: self._add(key, amount, until))
        return answer

    def _add(self, key: str, amount: int, until: datetime) -> int:
        from google.cloud.firestore_v1 import types
        from google.cloud.firestore_v1.types import DocumentTransform

        from shared.adapters.cache import CALL_SECONDS

        # The library's public calls do not return the result of a transform, so this uses what they use.
        name = self._client.collection("rates").document(key)._document_path
        increment = DocumentTransform.FieldTransform(
            field_path="taken", increment=types.Value(integer_value=amount)
        )
        write = types.Write(
            update=types.Document(name=name, fields={"until": types.Value(timestamp_value=until)}),
            update_mask=types.DocumentMask(field_paths=["until"]),
            update_transforms=[increment],
        )
        answer = self._client._firestore_api.commit(
            request={"database": self._client._database_string, "writes": [write]},
            timeout=CALL_SECONDS,
            retry=None,
            metadata=self._client._rpc_metadata,
        )
        return int(answer.write_results[0].transform_results[0].integer_value)
