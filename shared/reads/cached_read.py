"""GET by id: the cache, else a read that may be 10 s old, else a strong one.

A stale read is repeated as a strong one before it is answered 404 or when it is older than `Min-Version`;
`Cache-Control: no-cache` is strong at once. A cached entry holds the owner's view, and the immutable owner id in
it may authorise its owner; every other reader's right is decided from Spanner.
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
from shared.telemetry import metrics

M = TypeVar("M")
STALE_SECONDS = 10.0
_flights: dict[tuple[str, str], Future[Any]] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Found(Generic[M]):
    """A resource as read: the owner's view and what other readers may see (None: it does not exist for them)."""

    owner: str
    version: int
    view: M
    others: Callable[[Caller], M | None]


Load = Callable[[Session], Found[M]]


def by_id(kind: str, identity: str, caller: Caller, model: type[M], load: Load[M]) -> M:
    """The resource as `caller` may see it. Raises NotFound when there is none for this caller."""
    context = current()
    if context.request.strong_read:
        metrics.CACHE_READS.add(kind=kind, outcome="bypass")
    else:
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
    found = _read(kind, identity, load, context)
    context.answer.etag = f'"{found.version}"'
    if caller.sees(found.owner):
        return found.view
    seen = found.others(caller)
    if seen is None:
        raise NotFound()
    return seen


def _view(model: type[M], body: str) -> M | None:
    """The view in an entry; None when another release wrote it with other fields."""
    try:
        view: M = model.model_validate_json(body)  # type: ignore[attr-defined]
    except ValueError:
        return None
    return view


def _read(kind: str, identity: str, load: Load[M], context: Context) -> Found[M]:
    if not context.request.strong_read:
        try:
            found = _alone((kind, identity), lambda: _filled(kind, identity, load, STALE_SECONDS))
            if found.version >= (context.request.min_version or 0):
                return found
        except NotFound:
            pass
    return _filled(kind, identity, load, None)


def _filled(kind: str, identity: str, load: Load[M], staleness: float | None) -> Found[M]:
    """Read and fill the cache. The fence makes a fill safe; its life counts from when the row was surely current."""
    since = resources.clock().now() - timedelta(seconds=staleness or 0)
    found = load(Session(resources.database().snapshot(staleness=staleness, consistent=True)))
    body = found.view.model_dump_json()  # type: ignore[attr-defined]
    resources.cache().fill(kind, identity, Entry(found.version, found.owner, body, since))
    return found


def _alone(key: tuple[str, str], read: Callable[[], Found[M]]) -> Found[M]:
    """Single flight: concurrent misses of one key in this process share one read."""
    with _lock:
        flight = _flights.get(key)
        mine = flight is None
        if flight is None:
            flight = _flights[key] = Future()
    if not mine:
        shared: Found[M] = flight.result()
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
        with _lock:
            del _flights[key]
