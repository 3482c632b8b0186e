"""What the engine remembers in a process: hints that save work, never what anything rests on."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from shared import resources
from shared.store.tables.transactions import DUE_PAGE, LANE_SHARDS

K = TypeVar("K")
V = TypeVar("V")

LANES_A_PASS = 200  # of a bucket, with a queue
MOST_ROWS = 2 * DUE_PAGE * LANE_SHARDS  # that a pass looks at
MOST_LANES = MOST_ROWS + LANES_A_PASS * LANE_SHARDS
MOST_CHAINS = 100


class BoundedCache(OrderedDict[K, V]):
    """At most `most` entries: what was set longest ago makes room. Threads may get, set and pop."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most, self._lock = most, threading.Lock()

    def __setitem__(self, key: K, value: V) -> None:
        with self._lock:
            self.pop(key, None)
            super().__setitem__(key, value)
            while len(self) > self._most:
                self.popitem(last=False)


class Coalescer:
    """One run at a time for each name in this process: who comes meanwhile makes the running one repeat its work.

    Not for safety (several processes compete all the same): it saves signing what another thread signs."""

    def __init__(self) -> None:
        self._again: dict[str, bool] = {}
        self._lock = threading.Lock()

    def run(self, name: str, work: Callable[[], None]) -> None:
        """Do the work, or leave it to the thread that does it now and then repeats it."""
        with self._lock:
            if name in self._again:
                self._again[name] = True
                return
            self._again[name] = False
        try:
            while True:
                work()
                with self._lock:
                    if not self._again[name]:
                        del self._again[name]
                        return
                    self._again[name] = False
        except BaseException:
            with self._lock:
                self._again.pop(name, None)
            raise


@dataclass(frozen=True, slots=True)
class EngineHints:
    """`dispatches` by lane. `question_heights`: at which height a quorum is asked, by (question, id); where a single
    endpoint must say the same at two heads, an entry has to last from one pass to the next, so there is room for all
    that a pass can ask. `starts`: where a pass without the time for all begins next, by (what, bucket).
    `balance_checks`: when a lane's balance was read last. `next_lanes`: where the last pass over a bucket
    stopped when there were more lanes than it looks at. `heads`: (monotonic seconds, height) by chain."""

    dispatches: Coalescer = field(default_factory=Coalescer)
    question_heights: BoundedCache[tuple[str, str], int] = field(
        default_factory=lambda: BoundedCache(MOST_ROWS + MOST_LANES)
    )
    starts: BoundedCache[tuple[str, str], int] = field(
        default_factory=lambda: BoundedCache(4 * LANE_SHARDS * MOST_CHAINS)
    )
    balance_checks: BoundedCache[str, datetime] = field(default_factory=lambda: BoundedCache(MOST_LANES))
    next_lanes: BoundedCache[tuple[str, int], str] = field(
        default_factory=lambda: BoundedCache(LANE_SHARDS * MOST_CHAINS)
    )
    heads: BoundedCache[str, tuple[float, int]] = field(default_factory=lambda: BoundedCache(MOST_CHAINS))


def hints() -> EngineHints:
    """This process's."""
    return resources.memory(EngineHints)
