"""The unit of work: what one mutation reads and everything that its single commit holds.

State, ledger, audit, operation record, outbox and event rows are buffered together. The body that fills the
unit may be re-run, so nothing here reads a clock, draws randomness or talks to anything but the transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from shared.clock import IdSource
from shared.context import Context
from shared.domain.errors import Refusal
from shared.errors import VersionMismatch
from shared.store import changes, records
from shared.store.changes import Answer, Changes, Emitted
from shared.store.port import COMMIT_TIMESTAMP, Key, Mutation, Row, Transaction
from shared.store.session import Session
from shared.store.table import BY_ROW, Query

T = TypeVar("T")


class UnitOfWork(Session):
    """See docs/developing.md for the calls. Reads by key or key range show the unit's own writes."""

    def __init__(self, transaction: Transaction, context: Context, now: datetime, ids: IdSource) -> None:
        super().__init__(transaction)
        self.now = now
        self.context = context
        self.changes = Changes()
        self._ids = ids
        self._known: dict[tuple[str, Key], Any] = {}  # as this unit sees them
        self._asked: set[tuple[str, Key]] = set()  # keys that were read, whether or not there is a row
        self._stored: dict[tuple[str, Key], Any] = {}  # as they were read
        self._writes: dict[tuple[str, Key], Mutation] = {}
        self._conflict: Refusal | None = None
        self._noted = False
        self._riders: tuple[Query[Any], ...] = ()
        self._check: Callable[..., None] = _nothing
        self._waits = 0  # waves until the riders go

    def read_all(self, queries: Iterable[Query[Any]]) -> list[Any]:
        """As Session has it; rows by key that this unit has read before are not asked for again."""
        wanted = list(queries)
        asked = [query for query in wanted if not self._holds(query)]
        riders = self._boarding() if asked else ()
        reads = dict.fromkeys(query.read for query in (*riders, *asked))
        found = dict(zip(reads, self._reader.read(*reads), strict=True)) if reads else {}

        def answer(query: Query[Any]) -> Any:
            return query.answer(self._seen(query, query.decode(found.get(query.read, []))))

        if riders:
            self._check(*map(answer, riders))
        return [answer(query) for query in wanted]

    def ride(self, queries: Sequence[Query[Any]], check: Callable[..., None], *, after: int = 0) -> None:
        """Let these queries go out with the body's own reads, `after` so many waves, and check their answers before
        the body sees its own: no round trip of their own. A body that reads nothing carries none."""
        self._riders, self._check, self._waits = tuple(queries), check, after

    def _boarding(self) -> tuple[Query[Any], ...]:
        self._waits -= 1
        if self._waits >= 0:
            return ()
        riders, self._riders = self._riders, ()
        return riders

    def _holds(self, query: Query[Any]) -> bool:
        """Whether every key of the query was read or written here: a transaction reads the same again."""
        if query.partial or query.read.index is not None or not query.read.keys:
            return False
        places = ((query.read.table, key) for key in query.read.keys)
        return all(place in self._asked or place in self._writes for place in places)

    def adopt(self, values: Sequence[Any], versions: Sequence[Row]) -> list[Any]:
        """Those of these rows of one table, read outside, that still have their version; they count as read here.

        `versions` is what this unit read by `Table.versions`: a row that nobody changed is not read twice."""
        found = {tuple(row.values())[:-1]: row["version"] for row in versions}
        kept = [one for one in values if found.get(BY_ROW[type(one)].key_of(one)) == one.version]
        self.know(*kept)
        return kept

    def know(self, *values: Any) -> None:
        """Take rows as read that cannot have changed, because the row that they hang on has not."""
        for value in values:
            table = BY_ROW[type(value)]
            place = (table.name, table.key_of(value))
            self._asked.add(place)
            self._known[place] = self._stored[place] = value

    def new_id(self, prefix: str) -> str:
        """A random id, the same one each time the body is re-run."""
        return self._ids.next(prefix)

    def write(self, *values: Any) -> None:
        """Insert each object, or update it when this unit has read (or written) its row before.

        An object written twice keeps its first kind of write and its last content."""
        for value in values:
            table = BY_ROW[type(value)]
            place = (table.name, table.key_of(value))
            before = self._known.get(place)
            if before == value:
                continue
            earlier = self._writes.get(place)
            inserting = before is None or (earlier is not None and earlier.kind == "insert")
            stored = self._stored.get(place)
            self._writes[place] = (
                table.mutation("insert", value) if inserting else table.update(stored, value)
            )
            self._known[place] = value
            if table.cached:
                self.changes.stale[(table.name, value.id)] = value.version
            if self.changes.audit_resource is None and hasattr(value, "id"):
                self.changes.audit_resource = value.id

    def delete(self, *values: Any) -> None:
        """Remove rows."""
        for value in values:
            table = BY_ROW[type(value)]
            place = (table.name, table.key_of(value))
            self._known.pop(place, None)
            self._writes[place] = Mutation("delete", table.name, table.key_columns, place[1])

    def latest(self, value: T) -> T:
        """The row of `value` as this unit has it now: what other rules of the same body have written since."""
        table = BY_ROW[type(value)]
        known: T = self._known.get((table.name, table.key_of(value)), value)
        return known

    def note(self, resource: str) -> None:
        """Write an audit row for this resource even if nothing changes: a key was used or shown."""
        self.changes.audit_resource = resource
        self._noted = True

    def measure(self, record: Callable[[], None]) -> None:
        """Record a metric of this mutation: once, when it is committed."""
        self.changes.measured.append(record)

    def match(self, value: Any) -> None:
        """Enforce the request's If-Match on this resource. Raises VersionMismatch (412)."""
        wanted = self.context.if_match
        if wanted is not None and value.version != wanted:
            raise VersionMismatch(version=value.version)

    def on_conflict(self, refusal: Refusal) -> None:
        """What to answer when an insert meets an existing row or unique index entry."""
        self._conflict = refusal

    @property
    def conflict(self) -> Refusal | None:
        return self._conflict

    def answer_status(self, status: int) -> None:
        """Answer with another success status than the declared one."""
        self.context.success_status = status

    def emit(
        self,
        kind: str,
        subject: str,
        sequence: int,
        model: Answer,
        feed: Sequence[str] | Mapping[str, Answer] = (),
        *,
        topic: str | None = None,
    ) -> None:
        """Announce an event after the commit: to `<aggregate>-events`, and to the feeds of the users in `feed`
        (each with the view that GET would give to that user)."""
        told = changes.Told(self.new_id("evt"), kind, subject, sequence, self.now)
        envelope = changes.envelope(self.context, told, model)
        declared = self.context.publishes
        goes_to = topic or f"{kind.split('.', 1)[0]}-events"
        assert declared is None or goes_to in declared, f"{self.context.operation} does not declare {goes_to}"
        event = Emitted(len(self.changes.events), envelope, goes_to, envelope["id"])
        self.changes.events.append(event)
        views = feed if isinstance(feed, Mapping) else dict.fromkeys(feed, model)
        for user_id, view in views.items():
            seen = envelope if view is model else changes.envelope(self.context, told, view)
            row = records.FeedEvent(user_id, COMMIT_TIMESTAMP, event.ord, event.id, kind, subject, seen)
            self._insert(records.FEED, row)

    def send_again(self, topic: str, envelope: dict[str, Any]) -> None:
        """Publish an envelope of before once more as it is, under its own id, after the commit."""
        declared = self.context.publishes
        assert declared is None or topic in declared, f"{self.context.operation} does not declare {topic}"
        row_id = self.new_id("evt")  # the envelope's own may be longer than a row's
        self.changes.events.append(Emitted(len(self.changes.events), envelope, topic, row_id))

    def seal(self, *extra: Any) -> None:
        """Buffer everything: the body's writes, its outbox rows, one audit row and `extra` records."""
        for event in self.changes.events:
            self._insert(
                records.OUTBOX,
                records.OutboxRow(
                    event.shard, COMMIT_TIMESTAMP, event.ord, event.row_id, event.topic, event.envelope, 0
                ),
            )
        if self._writes or self.changes.events or self._noted:
            self._insert(records.AUDIT, self._audit_row())
        for row in extra:
            self._insert(BY_ROW[type(row)], row)
        if self._writes:
            self._reader.buffer(list(self._writes.values()))  # type: ignore[attr-defined]

    def _audit_row(self) -> records.AuditRow:
        context = self.context
        identity = self.new_id("aud")
        return records.AuditRow(
            records.shard_of(identity, records.AUDIT_SHARDS),
            COMMIT_TIMESTAMP,
            identity,
            context.principal,
            context.operation,
            self.changes.audit_resource,
            context.request_id,
            context.causation_id,
            sorted({event.envelope["type"] for event in self.changes.events}),
            self.now,
        )

    def _insert(self, table: Any, row: Any) -> None:
        place = (table.name, table.key_of(row))
        self._writes[place], self._known[place] = table.mutation("insert", row), row

    def _seen(self, query: Query[Any], rows: list[Any]) -> list[Any]:
        """What was read with this unit's own writes over it; an index shows only what is committed."""
        if query.partial or query.read.index is not None:
            return rows
        table = query.table
        stored = {table.key_of(row): row for row in rows}
        answers = []
        for key in dict.fromkeys((*stored, *query.read.keys)):
            place = (table.name, key)
            self._asked.add(place)
            if place not in self._writes:
                if key in stored:
                    self._known[place] = self._stored[place] = stored[key]
            elif self._writes[place].kind == "delete":
                continue
            if place in self._known:
                answers.append(self._known[place])
        return answers


def _nothing(*_: Any) -> None: ...
