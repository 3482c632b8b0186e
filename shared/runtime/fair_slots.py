"""A few costly calls at once, shared fairly: whoever has used them least lately comes first."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from shared.domain.errors import Refusal

HALF_LIFE = 60.0  # seconds after which a use counts half
REMEMBERED = 10_000  # names whose use is remembered
_Rank = tuple[int, float]


@dataclass(slots=True, eq=False)
class _Waiter:
    name: str
    decided: threading.Event = field(default_factory=threading.Event)
    admitted: bool = False


class FairSlots:
    """`with slots.held(name):` waits for a slot, at most `seconds`. Callers with one name, such as a network, are
    counted together.

    A free slot goes to the name that holds the fewest, and among those to the one that has held slots for the least
    time lately. If too many wait, those with the most use give way. So no number of calls of a few names keeps out
    another one, which waits for one call at most. `of_one`: how many slots one name may hold. Raises `refusal`."""

    def __init__(
        self,
        slots: int,
        waiting: int,
        seconds: float,
        refusal: type[Refusal],
        *,
        of_one: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._free, self._most_waiting, self._seconds = slots, waiting, seconds
        self._refusal, self._clock = refusal, clock
        self._of_one = slots if of_one is None else of_one
        self._lock = threading.Lock()
        self._holding: Counter[str] = Counter()
        self._waiting: list[_Waiter] = []
        self._used: OrderedDict[str, tuple[float, float]] = OrderedDict()  # name → (seconds, as of when)

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Hold a slot for as long as the block runs. Raises the refusal."""
        self._enter(name)
        started = self._clock()
        try:
            yield
        finally:
            self._leave(name, self._clock() - started)

    def _enter(self, name: str) -> None:
        with self._lock:
            if self._free and self._holding[name] < self._of_one:
                self._free -= 1
                self._holding[name] += 1
                return
            mine = self._queue_up(name)
        mine.decided.wait(self._seconds)
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
        if not mine.admitted:
            raise self._refusal

    def _queue_up(self, name: str) -> _Waiter:
        """Wait, in place of a waiter with more use if there are too many. Raises the refusal."""
        if len(self._waiting) >= self._most_waiting:
            last = max(self._waiting, key=lambda one: self._rank(one.name))
            if self._rank(last.name) <= self._rank(name):
                raise self._refusal
            self._waiting.remove(last)
            last.decided.set()
        mine = _Waiter(name)
        self._waiting.append(mine)
        return mine

    def _rank(self, name: str) -> _Rank:
        """How much a name has of the slots; the least comes first."""
        seconds, since = self._used.get(name, (0.0, 0.0))
        return self._holding[name], seconds * 0.5 ** ((self._clock() - since) / HALF_LIFE)

    def _leave(self, name: str, seconds: float) -> None:
        with self._lock:
            self._holding -= Counter((name,))
            self._used[name] = (self._rank(name)[1] + seconds, self._clock())
            self._used.move_to_end(name)
            if len(self._used) > REMEMBERED:
                self._used.popitem(last=False)
            following = self._next()
            if following is None:
                self._free += 1
                return
            self._waiting.remove(following)
            self._holding[following.name] += 1
            following.admitted = True
            following.decided.set()

    def _next(self) -> _Waiter | None:
        """The waiter whose turn it is; None if all have as many slots as one name may hold."""
        may = (one for one in self._waiting if self._holding[one.name] < self._of_one)
        return min(may, key=lambda one: self._rank(one.name), default=None)
