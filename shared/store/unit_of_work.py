"""The unit of work: the reads of one mutation and all writes of its single commit.

State, ledger, audit, operation record, outbox and event rows are buffered together. The body that fills the unit may
be re-run, so this module reads no clock, draws no random numbers and uses only the transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.domain import event_types
from shared.domain.errors import Refusal
from shared.runtime import cloud_event
from shared.runtime.clock import IdSource
from shared.runtime.cloud_event import JsonModel
from shared.runtime.context import Context
from shared.runtime.errors import VersionMismatch
from shared.store.commit_effects import Changes, Emitted, audit_row
from shared.store.port import COMMIT_TIMESTAMP, Row, StoreTransaction
from shared.store.session import Session
from shared.store.staged_rows import StagedRows
from shared.store.table import Query, table_of
from shared.store.tables import system


class UnitOfWork(Session):
    """Reads and buffers writes for one mutation; docs/developing.md describes the calls. Reads by key or key range
    show the unit's own writes. They also show those of the unit `before` it in the same commit, which it does not
    change."""

    def __init__(
        self,
        transaction: StoreTransaction,
        context: Context,
        now: datetime,
        ids: IdSource,
        before: UnitOfWork | None = None,
        *,
        together: bool = False,
    ) -> None:
        """`together`: whether the events of this commit share rows (`event_rows`)."""
        super().__init__(transaction)
        self.now = now
        self.context = context
        self.changes: Changes = Changes(before.changes.place if before else 0, together)
        self._ids = ids
        self._follows = before is not None
        self._rows: StagedRows = StagedRows(before._rows if before else None)
        self.conflict: Refusal | None = None  # the refusal to raise if an insert meets an existing row
        self._touched = False  # whether an audit row is needed
        self._checked: tuple[Query[Any], ...] = ()  # sent with the body's reads, for `_check`
        self._check: Callable[..., None] = _nothing
        self._waves_before = 0  # before the check's queries are sent

    def read_all(self, queries: Iterable[Query[Any]]) -> list[Any]:
        """Like `Session.read_all`, but rows by key that this unit has already read are not read again."""
        wanted = list(queries)
        missing = [query for query in wanted if not self._rows.holds(query)]
        along = self._due_along() if missing or self._follows else ()
        missing = [*(query for query in along if not self._rows.holds(query)), *missing]
        reads = dict.fromkeys(query.read for query in missing)
        results = dict(zip(reads, self._reader.read(*reads), strict=True)) if reads else {}

        def answer(query: Query[Any]) -> Any:
            return query.answer(self._rows.seen(query, query.decode(results.get(query.read, []))))

        if along:
            self._check(*map(answer, along))
        return [answer(query) for query in wanted]

    def check_along(
        self, queries: Sequence[Query[Any]], check: Callable[..., None], *, after: int = 0
    ) -> None:
        """Send these queries together with the body's own reads (after `after` waves), and check their answers before
        the body sees its own. This costs no extra round trip. If the body reads nothing, nothing is checked."""
        self._checked, self._check, self._waves_before = tuple(queries), check, after

    def check_caller(self) -> None:
        """Read and check the queries of `check_along`, unless that was already done. For a body that only inserts
        rows that are trusted later (a wallet, a key)."""
        self._waves_before = 0
        due = self._due_along()
        if due:
            self._check(*super().read_all(due))

    def _due_along(self) -> tuple[Query[Any], ...]:
        self._waves_before -= 1
        if self._waves_before >= 0:
            return ()
        due, self._checked = self._checked, ()
        return due

    def adopt(self, values: Sequence[Any], versions: Sequence[Row]) -> list[Any]:
        """The rows, read outside of this unit, whose version is unchanged; they then count as read here.

        All rows belong to one table; `versions` is this unit's answer of `Table.versions`. An unchanged row is not
        read twice.
        """
        current = {tuple(row.values())[:-1]: row["version"] for row in versions}
        kept = [one for one in values if current.get(table_of(one).key_of(one)) == one.version]
        self.know(*kept)
        return kept

    def know(self, *values: Any) -> None:
        """Treat rows as read that cannot have changed, because the row that they depend on has not changed."""
        for value in values:
            self._rows.know(value)

    def new_id(self, prefix: str) -> str:
        """A random id; the body gets the same one each time it is re-run."""
        return self._ids.next(prefix)

    def write(self, *values: Any) -> None:
        """Insert each object, or update it if this unit has already read or written its row.

        An object written twice keeps its first kind of write and its last content.
        """
        for value in values:
            if not self._rows.write(value):
                continue
            self._touched = True
            table = table_of(value)
            if table.cached and not self._rows.new(value):  # nobody has cached a new row
                self.changes.stale[(table.name, value.id)] = value.version
            if self.changes.audit_resource is None and hasattr(value, "id"):
                self.changes.audit_resource = value.id

    def delete(self, *values: Any) -> None:
        """Remove rows."""
        for value in values:
            self._rows.delete(value)
            self._touched = True

    def note(self, resource: str) -> None:
        """Write an audit row for this resource even if nothing changes, for example because a key was used or shown."""
        self.changes.audit_resource = resource
        self._touched = True

    def audit(self, resource: str, **details: Any) -> None:
        """Like `note`, with details for the audit row: the state `before` and `after` a security-relevant change, and
        its reason. The values are JSON and never a secret."""
        self.note(resource)
        self.changes.audit_details = {**(self.changes.audit_details or {}), **details}

    def measure(self, record: Callable[[], None]) -> None:
        """Record a metric of this mutation once, when it is committed."""
        self.changes.measured.append(record)

    def match(self, value: Any) -> None:
        """Enforce the request's If-Match on this resource. Raises VersionMismatch (412)."""
        wanted = self.context.request.if_match
        if wanted is not None and value.version != wanted:
            raise VersionMismatch(version=value.version)

    def on_conflict(self, refusal: Refusal) -> None:
        """Set the refusal to raise if an insert meets an existing row or unique index entry."""
        self.conflict = refusal

    def answer_status(self, status: int) -> None:
        """Answer with this success status instead of the declared one."""
        self.context.answer.status = status

    def emit(
        self,
        kind: str,
        subject: str,
        sequence: int,
        model: JsonModel,
        feed: Sequence[str] | Mapping[str, JsonModel] = (),
        *,
        topic: str | None = None,
    ) -> None:
        """Publish an event after the commit: to `<aggregate>-events`, and to the feeds of the users in `feed` (each
        with the view that GET would return to that user). `kind` is one of `event_types.TYPES`."""
        assert kind in event_types.TYPES, f"{kind} is no type of event"
        head = cloud_event.EventHead(self.new_id("evt"), kind, subject, sequence, self.now)
        envelope = cloud_event.envelope(self.context, head, model)
        declared = self.context.rights.publishes
        goes_to = topic or f"{kind.split('.', 1)[0]}-events"
        assert declared is None or goes_to in declared, f"{self.context.operation} does not declare {goes_to}"
        views = feed if isinstance(feed, Mapping) else dict.fromkeys(feed, model)
        addressed = {**envelope, cloud_event.AUDIENCE: " ".join(views)} if views else envelope
        place, identity = self.changes.place, str(envelope["id"])
        rows = []
        for user_id, view in views.items():
            seen = envelope if view is model else cloud_event.envelope(self.context, head, view)
            row = system.FeedEvent(user_id, COMMIT_TIMESTAMP, place, identity, kind, subject, seen)
            rows.append(row)
        self.changes.events.append(Emitted(place, addressed, goes_to, identity, tuple(rows)))

    def send_again(self, topic: str, envelope: dict[str, Any]) -> None:
        """Publish an earlier envelope again after the commit, unchanged and with its original id."""
        declared = self.context.rights.publishes
        assert declared is None or topic in declared, f"{self.context.operation} does not declare {topic}"
        row_id = self.new_id("evt")  # the envelope's own id may be longer than a row's id
        self.changes.events.append(Emitted(self.changes.place, envelope, topic, row_id))

    def seal(self, *extra: Any) -> None:
        """Add the outbox and feed rows, one audit row and the `extra` records to the body's writes."""
        changes = self.changes
        for event_row in (*changes.outbox_rows(COMMIT_TIMESTAMP), *changes.feed_rows()):
            self._rows.insert(event_row)
        if self._touched or changes.events:
            kinds = sorted({event.envelope["type"] for event in changes.events})
            row = audit_row(
                self.context,
                self.new_id("aud"),
                changes.audit_resource,
                kinds,
                self.now,
                details=changes.audit_details,
            )
            self._rows.insert(row)
        for row in extra:
            self._rows.insert(row)

    def flush(self) -> None:
        """Buffer all writes for the commit."""
        writes = self._rows.writes
        if writes:
            self._reader.buffer(writes)  # type: ignore[attr-defined]

    def _seen(self, query: Query[Any], rows: list[Any]) -> list[Any]:
        return self._rows.seen(query, rows)


def _nothing(*_: Any) -> None: ...
