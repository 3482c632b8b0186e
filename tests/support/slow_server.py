"""The product over the embedded store, with latencies of database, cache and Pub/Sub like within one region.

    python -m tests.support.slow_server     PORT; SCHEDULES=off for all but one of several

Each wait is drawn from a log-normal distribution around its median. A transaction's waits come after its commit,
outside of SQLite's single turn: Spanner lets other transactions run meanwhile. The medians are those of the cost model.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from shared import resources
from shared.adapters.cache import Cache, Entry
from shared.adapters.pubsub import Publisher
from shared.store.port import Database, Read, Reader, Row, StoreTransaction, Write

T = TypeVar("T")
MEDIAN_MS: Final = {"read": 5.0, "commit": 10.0, "cache": 5.0, "publish": 20.0}
SPREAD: Final = 0.6  # of the logarithm: one in a hundred takes four times the median
_random = random.Random(7)


def waited(*kinds: str) -> None:
    time.sleep(sum(_random.lognormvariate(0, SPREAD) * MEDIAN_MS[kind] for kind in kinds) / 1e3)


@dataclass
class SlowReader:
    inner: Reader

    def read(self, *reads: Read) -> list[list[Row]]:
        rows = self.inner.read(*reads)
        waited("read")
        return rows


@dataclass
class _Counted:
    inner: StoreTransaction
    reads: int = 0

    def read(self, *reads: Read) -> list[list[Row]]:
        self.reads += 1
        return self.inner.read(*reads)

    def buffer(self, writes: Sequence[Write]) -> None:
        self.inner.buffer(writes)


@dataclass
class SlowDatabase:
    inner: Database

    def snapshot(self, *, staleness: float | None = None, consistent: bool = False) -> Reader:
        return SlowReader(self.inner.snapshot(staleness=staleness, consistent=consistent))

    def transact(
        self, body: Callable[[StoreTransaction], T], *, optimistic: bool = False
    ) -> tuple[T, datetime]:
        seen: list[_Counted] = []

        def counted(transaction: StoreTransaction) -> T:
            seen.append(_Counted(transaction))
            return body(seen[-1])

        try:
            answer = self.inner.transact(counted, optimistic=optimistic)
        except BaseException:
            waited(*["read"] * sum(one.reads for one in seen))
            raise
        waited("commit", *["read"] * sum(one.reads for one in seen))
        return answer

    def write(self, writes: Sequence[Write]) -> datetime:
        at = self.inner.write(writes)
        waited("commit")
        return at


@dataclass
class SlowCache:
    inner: Cache

    def get(self, kind: str, identity: str) -> Entry | None:
        waited("cache")
        return self.inner.get(kind, identity)

    def fill(self, kind: str, identity: str, entry: Entry) -> None:
        waited("cache")
        self.inner.fill(kind, identity, entry)

    def expire(self, kind: str, identity: str, version: int) -> None:
        waited("cache")
        self.inner.expire(kind, identity, version)

    def check(self) -> None:
        self.inner.check()


@dataclass
class SlowPublisher:
    inner: Publisher

    def publish(self, topic: str, envelope: Mapping[str, Any]) -> Future[str]:
        waited("publish")
        return self.inner.publish(topic, envelope)

    def check(self) -> None:
        self.inner.check()


def main() -> int:
    from emulators import gateway

    given = {
        "database": SlowDatabase(resources.database()),
        "cache": SlowCache(resources.cache()),
        "publisher": SlowPublisher(resources.publisher()),
    }
    with resources.override(**given):
        if os.environ.get("SCHEDULES") != "off":
            return gateway.main()
        gateway.serve(int(os.environ["PORT"]), lambda: None)
        return 0


if __name__ == "__main__":
    sys.exit(main())
