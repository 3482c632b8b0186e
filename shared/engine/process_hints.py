"""What the engine remembers in a process: hints that save work. Correctness never depends on them."""

from __future__ import annotations

import itertools
import math
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

MAX_QUEUED_LANES = 200  # that a pass takes from one bucket
MAX_ROWS = 2 * DUE_PAGE * LANE_SHARDS  # entries that a pass can look at
MAX_LANES = MAX_ROWS + MAX_QUEUED_LANES * LANE_SHARDS
MAX_CHAINS = 100


class BoundedCache(OrderedDict[K, V]):
    """A dict of at most `max_entries`; the entry that was set longest ago is dropped. Threads may get, set and pop."""

    def __init__(self, max_entries: int) -> None:
        super().__init__()
        self._max_entries, self._lock = max_entries, threading.Lock()

    def __setitem__(self, key: K, value: V) -> None:
        with self._lock:
            self.pop(key, None)
            super().__setitem__(key, value)
            while len(self) > self._max_entries:
                self.popitem(last=False)


class Coalescer:
    """Allows one run at a time per name in this process; a call during a run makes that run repeat its work.

    This is not needed for safety (processes compete anyway): it avoids signing what another thread already signs."""

    def __init__(self) -> None:
        self._again: dict[str, bool] = {}
        self._lock = threading.Lock()

    def run(self, name: str, work: Callable[[], None], *, most: float = math.inf) -> None:
        """Do the work, or tell the thread that is doing it to repeat it; it does the work at most `most` times."""
        with self._lock:
            if name in self._again:
                self._again[name] = True
                return
            self._again[name] = False
        try:
            for done in itertools.count(1):
                work()
                with self._lock:
                    if done >= most or not self._again[name]:
                        del self._again[name]
                        return
                    self._again[name] = False
        except BaseException:
            with self._lock:
                self._again.pop(name, None)
            raise


@dataclass(frozen=True, slots=True)
class EngineHints:
    """The hints of one process."""

    dispatches: Coalescer = field(default_factory=Coalescer)  # by lane
    # The height at which a quorum is asked, by (question, id). With a single endpoint an answer must be the same at two
    # heads, so an entry must survive from one pass to the next; there is room for everything that a pass can ask.
    question_heights: BoundedCache[tuple[str, str], int] = field(
        default_factory=lambda: BoundedCache(MAX_ROWS + MAX_LANES)
    )
    # Where the next pass starts if the last one ran out of time, by (what, bucket).
    starts: BoundedCache[tuple[str, str], int] = field(
        default_factory=lambda: BoundedCache(4 * LANE_SHARDS * MAX_CHAINS)
    )
    # When a lane's balance was last asked for, and the wei; None if no node answered.
    balance_checks: BoundedCache[str, tuple[datetime, int | None]] = field(
        default_factory=lambda: BoundedCache(MAX_LANES)
    )
    # Where the last pass over a bucket stopped because of too many lanes.
    next_lanes: BoundedCache[tuple[str, int], str] = field(
        default_factory=lambda: BoundedCache(LANE_SHARDS * MAX_CHAINS)
    )
    # (monotonic seconds, height) by chain.
    heads: BoundedCache[str, tuple[float, int]] = field(default_factory=lambda: BoundedCache(MAX_CHAINS))
    # (time, height) of the last quorum about finality, by chain.
    final_heights: BoundedCache[str, tuple[datetime, int]] = field(
        default_factory=lambda: BoundedCache(MAX_CHAINS)
    )
    # Since when the store fails in visits of a bucket, and until when this process leaves the bucket alone, by the name
    # of its lease.
    rests: BoundedCache[str, tuple[datetime, datetime]] = field(
        default_factory=lambda: BoundedCache(LANE_SHARDS * MAX_CHAINS)
    )


def hints() -> EngineHints:
    """The hints of this process."""
    return resources.memory(EngineHints)
