"""Record the calls of one request at the ports, and repeat them bare, with only the vendors' clients.

    calls = Calls()
    with calls.noted():
        request()                    # once, untimed
    calls.bare({"ord_a…": "ord_b…"})()   # the same RPCs for another order

Ids in the read data are replaced as the caller says; ids that the request created, and its idempotency key, are
replaced by fresh ones. Reads of one wave go out together, like the product's. Calls after a commit go out together, and
the replay waits for them as long as the product would.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from shared import resources
from shared.store.port import Read, Write
from shared.store.spanner import codec
from shared.store.spanner.database import ABORT_RETRY_SECONDS
from shared.writes.outbox_relay import AFTER_COMMIT_SECONDS

_ID = re.compile(r"\b(?:[a-z]{2,4}_[a-z2-7]{24}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b")
_threads = ThreadPoolExecutor(16, thread_name_prefix="bare")


@dataclass
class Calls:
    """The calls, in order; `later` holds the calls after the commit."""

    waves: list[tuple[float | None, tuple[Read, ...]]] = field(default_factory=list)
    inside: list[tuple[Read, ...]] = field(default_factory=list)  # reads in the transaction
    commit: list[Write] = field(default_factory=list)
    optimistic: bool = False
    deletes: list[Write] = field(default_factory=list)
    events: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    expired: list[tuple[str, str, int]] = field(default_factory=list)

    @contextmanager
    def noted(self) -> Iterator[None]:
        database, cache, publisher = resources.database(), resources.cache(), resources.publisher()
        with resources.override(
            database=_Database(database, self),
            cache=_Cache(cache, self),
            publisher=_Publisher(publisher, self),
        ):
            yield

    def bare(self, instead: Mapping[str, str]) -> Callable[[], None]:
        """Prepare the same calls with other ids."""
        handle: Any = resources.database().handle  # type: ignore[attr-defined]
        names = _Names(self, instead)
        waves = [(staleness, [names.read(r) for r in reads]) for staleness, reads in self.waves]
        inside = [[names.read(r) for r in reads] for reads in self.inside]
        buffered = codec.grouped([names.write(m) for m in self.commit])
        after = self._after(handle, names)

        def run() -> None:
            for staleness, reads in waves:
                together([snapshot_read(handle, staleness, one) for one in reads])
            if buffered:
                run_commit(handle, inside, buffered, self.optimistic)
            wait([_threads.submit(call) for call in after], timeout=AFTER_COMMIT_SECONDS)

        return run

    def _after(self, handle: Any, names: _Names) -> list[Callable[[], Any]]:
        publisher, cache = resources.publisher(), resources.cache()
        client, project = publisher.client, publisher.project  # type: ignore[attr-defined]
        events = [
            (client.topic_path(project, topic), names.text(str(dict(event))).encode(), str(event["subject"]))
            for topic, event in self.events
        ]
        deletes = codec.grouped(self.deletes)
        calls: list[Callable[[], Any]] = []
        if events:
            calls.append(lambda: _tell(client, events, handle, deletes))
        for kind, identity, version in self.expired:
            document = cache.entries.document(f"{kind}:{names.text(identity)}")  # type: ignore[attr-defined]
            fields = {"v": version, "body": None, "floor": cache.maximum(version)}  # type: ignore[attr-defined]
            calls.append(lambda document=document, fields=fields: document.set(fields, merge=True))
        return calls


class _Names:
    """Replaces ids in the recorded calls."""

    def __init__(self, calls: Calls, instead: Mapping[str, str]) -> None:
        self._map = dict(instead)
        self._kept = set(_ID.findall(repr([calls.waves, calls.inside])))

    def text(self, value: str) -> str:
        return _ID.sub(lambda found: self._name(found[0]), value)

    def _name(self, name: str) -> str:
        if name in self._kept and name not in self._map:
            return name
        if name not in self._map:
            self._map[name] = name[:4] + "".join(
                secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in name[4:]
            )
        return self._map[name]

    def write(self, write: Write) -> Write:
        return replace(write, values=self._values(write.values))

    def read(self, read: Read) -> tuple[str, tuple[str, ...], Any, str, int]:
        """The arguments of the client's `read`."""
        seen: list[Any] = []

        class Source:
            def read(self, table: str, columns: Any, keys: Any, index: str, limit: int) -> list[Any]:
                seen.append((table, columns, keys, index, limit))
                return []

        spans = tuple(replace(s, start=self._values(s.start), end=self._values(s.end)) for s in read.spans)
        span = read.span and replace(
            read.span, start=self._values(read.span.start), end=self._values(read.span.end)
        )
        keys = tuple(self._values(key) for key in read.keys)
        codec.rows(Source(), replace(read, keys=keys, span=span, spans=spans))
        found: tuple[str, tuple[str, ...], Any, str, int] = seen[0]
        return found

    def _values(self, values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(self.text(value) if isinstance(value, str) else value for value in values)


def snapshot_read(handle: Any, staleness: float | None, call: Any) -> Callable[[], Any]:
    table, columns, keys, index, limit = call
    bound = timedelta(seconds=staleness) if staleness else None

    def run() -> Any:
        with handle.snapshot(max_staleness=bound) as snapshot:
            return list(snapshot.read(table, columns, keys, index=index, limit=limit))

    return run


def run_commit(handle: Any, inside: list[list[Any]], buffered: list[Any], optimistic: bool) -> None:
    if not inside:
        with handle.batch() as batch:
            _buffer(batch, buffered)
        return
    from google.cloud.spanner_v1 import TransactionOptions

    modes = TransactionOptions.ReadWrite.ReadLockMode

    def work(transaction: Any) -> None:
        for reads in inside:
            together([_transaction_read(transaction, read) for read in reads])
        _buffer(transaction, buffered)

    handle.run_in_transaction(
        work,
        default_retry_delay=ABORT_RETRY_SECONDS,
        read_lock_mode=modes.OPTIMISTIC if optimistic else modes.PESSIMISTIC,
    )


def _transaction_read(transaction: Any, call: Any) -> Callable[[], Any]:
    table, columns, keys, index, limit = call
    return lambda: list(transaction.read(table, columns, keys, index=index, limit=limit))


def _buffer(target: Any, groups: list[Any]) -> None:
    from google.cloud.spanner_v1 import KeySet

    for (kind, table, columns), values in groups:
        if kind == "delete":
            target.delete(table, KeySet(keys=[list(row) for row in values]))
        else:
            getattr(target, "insert_or_update" if kind == "upsert" else kind)(table, columns, values)


def _tell(client: Any, events: list[tuple[str, bytes, str]], handle: Any, deletes: list[Any]) -> None:
    wait([client.publish(path, data, ordering_key=key) for path, data, key in events])
    run_commit(handle, [], deletes, False)


def together(calls: Sequence[Callable[[], Any]]) -> None:
    others: list[Future[Any]] = [_threads.submit(call) for call in calls[1:]]
    if calls:
        calls[0]()
    for other in others:
        other.result()


class _Database:
    """Forwards and records every call."""

    def __init__(self, inner: Any, calls: Calls) -> None:
        self._inner, self._calls = inner, calls

    def snapshot(self, *, staleness: float | None = None, consistent: bool = False) -> Any:
        inner, calls = self._inner.snapshot(staleness=staleness, consistent=consistent), self._calls

        class Reader:
            def read(self, *reads: Read) -> Any:
                calls.waves.append((staleness, reads))
                return inner.read(*reads)

        return Reader()

    def transact(self, body: Callable[[Any], Any], *, optimistic: bool = False) -> Any:
        calls = self._calls
        calls.optimistic = optimistic

        def run(transaction: Any) -> Any:
            calls.inside.clear()

            class Noting:
                def read(self, *reads: Read) -> Any:
                    answer = transaction.read(*reads)
                    calls.inside.append(reads)
                    return answer

                def buffer(self, writes: Sequence[Write]) -> None:
                    calls.commit = list(writes)
                    transaction.buffer(writes)

            return body(Noting())

        return self._inner.transact(run, optimistic=optimistic)

    def write(self, writes: Sequence[Write]) -> Any:
        self._calls.deletes += writes
        return self._inner.write(writes)


class _Cache:
    def __init__(self, inner: Any, calls: Calls) -> None:
        self._inner, self._calls = inner, calls

    def expire(self, kind: str, identity: str, version: int) -> None:
        self._calls.expired.append((kind, identity, version))
        self._inner.expire(kind, identity, version)


class _Publisher:
    def __init__(self, inner: Any, calls: Calls) -> None:
        self._inner, self._calls = inner, calls

    def publish(self, topic: str, envelope: Mapping[str, Any]) -> Any:
        self._calls.events.append((topic, envelope))
        return self._inner.publish(topic, envelope)
