"""GET by id: from the cache, otherwise by a read that may be 10 s old, otherwise by a strong read.

A stale read is repeated as a strong read before it is answered with 404, or if it is older than `Min-Version`.
`Cache-Control: no-cache` uses a strong read at once. A cached entry holds the owner's view. The immutable owner id in
it may authorise the owner; the rights of all other readers are decided from Spanner.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from shared import resources
from shared.adapters.cache import Entry
from shared.domain.errors import NotFound
from shared.domain.permissions import Caller
from shared.runtime.context import Context, current
from shared.store.session import Session
from shared.store.table import TABLES
from shared.telemetry import metrics

M = TypeVar("M")
T = TypeVar("T")
STALE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Loaded(Generic[M]):
    """A resource as read: the owner's view and what other readers may see (None: it does not exist for them)."""

    owner: str
    version: int
    view: M
    others: Callable[[Caller], M | None]


Load = Callable[[Session], Loaded[M]]


class SingleFlight:
    """Lets concurrent misses of one key in this process share one read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[tuple[str, str], Future[Any]] = {}

    def run(self, key: tuple[str, str], read: Callable[[], T]) -> T:
        """The answer of `read`, or of the same read that another thread has already started. Raises its errors."""
        with self._lock:
            flight = self._flights.get(key)
            mine = flight is None
            if flight is None:
                flight = self._flights[key] = Future()
        if not mine:
            shared: T = flight.result()
            return shared
        try:
            answer = read()
        except BaseException as error:
            flight.set_exception(error)
            raise
        else:
            flight.set_result(answer)
            return answer
        finally:
            with self._lock:
                del self._flights[key]


def by_id(kind: str, identity: str, caller: Caller, model: type[M], load: Load[M]) -> M:
    """The resource as `caller` may see it; `kind` is its table, which says whether it is cached. Raises NotFound if it
    does not exist for this caller."""
    context = current()
    if context.request.strong_read:
        metrics.CACHE_READS.add(kind=kind, outcome="bypass")
    elif TABLES[kind].cached:
        entry = resources.cache().get(kind, identity)
        if (
            entry is not None
            and entry.owner == caller.user_id
            and entry.version >= (context.request.min_version or 0)
        ):
            view = _view(model, entry.body)
            if view is not None:
                metrics.CACHE_READS.add(kind=kind, outcome="hit")
                context.answer.etag = f'"{entry.version}"'
                return view
        metrics.CACHE_READS.add(kind=kind, outcome="miss")
    loaded = _read(kind, identity, caller, load, context)
    context.answer.etag = f'"{loaded.version}"'
    if caller.sees(loaded.owner):
        return loaded.view
    seen = loaded.others(caller)
    if seen is None:
        raise NotFound()
    return seen


def _view(model: type[M], body: str) -> M | None:
    """The view in an entry; None if another release wrote it with other fields."""
    try:
        view: M = model.model_validate_json(body)  # type: ignore[attr-defined]
    except ValueError:
        return None
    return view


def _read(kind: str, identity: str, caller: Caller, load: Load[M], context: Context) -> Loaded[M]:
    def filled(staleness: float | None) -> Loaded[M]:
        return _filled(kind, identity, caller, load, staleness)

    if not context.request.strong_read:
        try:
            loaded = resources.memory(SingleFlight).run((kind, identity), lambda: filled(STALE_SECONDS))
            if loaded.version >= (context.request.min_version or 0):
                return loaded
        except NotFound:
            pass
    return filled(None)


def _filled(kind: str, identity: str, caller: Caller, load: Load[M], staleness: float | None) -> Loaded[M]:
    """Read, and fill the cache for an owner who reads from it. The fence makes the fill safe; the entry's lifetime
    starts at a time when the row was certainly current."""
    since = resources.clock().now() - timedelta(seconds=staleness or 0)
    loaded = load(Session(resources.database().snapshot(staleness=staleness, consistent=True)))
    wanted = loaded.owner == caller.user_id and not current().request.strong_read
    if wanted and TABLES[kind].cached:
        body = loaded.view.model_dump_json()  # type: ignore[attr-defined]
        resources.cache().fill(kind, identity, Entry(loaded.version, loaded.owner, body, since))
    return loaded
