"""One mutation and its commit: the records added to the body's own writes, and the meaning of the outcome.

Each run adds to the body's writes, in the same Spanner commit: the operation record, one audit row, outbox and feed
rows. The outcomes are:
- The operation record already exists: the stored answer is replayed byte for byte (or 422 if the key was used with
  another request).
- The commit's answer is lost: the body runs again under the same operation record. The first of the two commits
  inserts the record; the other meets ALREADY_EXISTS and replays.
- The body refuses: the record is checked first, because an earlier successful run may be the reason for the refusal.
  The writes of a refused run are never committed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared import resources
from shared.domain.errors import Refusal
from shared.identity.errors import Unauthenticated
from shared.runtime.clock import IdSource, new_id
from shared.runtime.context import Context, current
from shared.runtime.crash_points import point
from shared.runtime.errors import IdempotencyKeyReused
from shared.store.port import AlreadyExists, StoreTransaction
from shared.store.session import Session
from shared.store.tables import system
from shared.store.unit_of_work import UnitOfWork
from shared.writes import command_events, outbox_relay, session_check


class Replay(Exception):
    """An earlier run with this key has already done the operation: answer with the stored record."""

    def __init__(self, record: system.OperationRecord) -> None:
        super().__init__(record.key)
        self.record = record


class AlreadyApplied(Exception):
    """This consumer has already applied this event; acknowledge it."""


class OwnCommit(Exception):
    """An earlier run of this mutation was committed but its answer was lost; write nothing more."""


class Mutation:
    """A body with its context; `attempt` may be called any number of times."""

    def __init__(
        self,
        body: Callable[..., Any],
        args: tuple[Any, ...],
        inbox: system.InboxRow | None,
        optimistic: bool,
    ) -> None:
        self.body, self.args, self.inbox, self.optimistic = body, args, inbox, optimistic
        self.context = current()
        assert self.context.rights.writes, (
            f"{self.context.operation} commits, and declares that it writes nothing"
        )
        self.session_check = session_check.of(self.context.caller)
        self.now = resources.clock().now()
        self.ids = IdSource()
        given = self.context.request.idempotency
        self.key = given.key if given else new_id("op")
        self.fingerprint = given.fingerprint if given else ""
        self.unit: UnitOfWork | None = None
        self.unsure = False  # whether an earlier commit's answer was lost
        self.answer: Any = None

    def once(self) -> Any:
        """Commit the mutation alone, then publish its events. Raises the errors of the body and the store, and
        Replay."""
        try:
            answer, committed_at = resources.database().transact(self._alone, optimistic=self.optimistic)
        except OwnCommit:  # the sweeper publishes its events
            self.context.answer.committed = True
            return self.answer
        assert self.unit is not None
        self.context.answer.committed = True
        point("after_commit")
        outbox_relay.after_commit([self.unit.changes], committed_at)
        return answer

    def _alone(self, transaction: StoreTransaction) -> Any:
        answer = self.attempt(transaction)
        assert self.unit is not None
        self.unit.flush()
        return answer

    def attempt(self, transaction: StoreTransaction, before: UnitOfWork | None = None) -> Any:
        """Run the body in this transaction, after `before` of the same commit; `unit` then holds all writes to
        commit. Raises the body's refusal, Replay, and OwnCommit; after any error, nothing may be committed."""
        self.ids.rewind()
        self.context.answer.status = None
        together = resources.settings().events_together
        self.unit = unit = UnitOfWork(
            transaction, self.context, self.now, self.ids, before, together=together
        )
        unit.check_along(self.session_check.queries, self.session_check.check, after=int(self.optimistic))
        try:
            answer = self.body(unit, *self.args)
        except Unauthenticated as refusal:
            refusal.record_checked = True  # do not replay to a caller who may no longer ask
            raise
        except Refusal as refusal:
            unit.check_along((), session_check.NOTHING.check)  # a second read covers only the record
            if self.context.request.idempotency:
                self._replay(unit)
                refusal.record_checked = True
            elif self.unsure and self._committed(unit):
                raise OwnCommit() from refusal
            raise
        if self.context.request.command and not unit.changes.events:
            command_events.completed(unit, self.context.request.command, render(answer, redact=True))
        unit.seal(self.inbox or self._record(answer))
        point("before_commit")
        self.answer = answer
        return answer

    def _record(self, answer: Any) -> system.OperationRecord:
        context = self.context
        return system.OperationRecord(
            principal=context.principal,
            key=self.key,
            operation=context.operation,
            fingerprint=self.fingerprint,
            status=context.answer.status or 0,
            etag=etag_of(answer),
            body=render(answer, redact=True) if context.request.idempotency else "",
            created_at=self.now,
        )

    def explain(self, conflict: AlreadyExists) -> Any:
        """Resolve an ALREADY_EXISTS: a replay, an applied event, our own lost commit, or the body's refusal."""
        session = Session(resources.database().snapshot())
        if self.inbox is not None:
            if self._committed(session):
                raise AlreadyApplied() from conflict
        elif self.context.request.idempotency:
            self._replay(session)
        elif self._committed(session):
            return self.answer  # a lower layer sent our own commit again
        if self.unit is not None and self.unit.conflict is not None:
            raise self.unit.conflict from conflict
        raise conflict

    def _committed(self, session: Session) -> bool:
        """Whether the records of an earlier run exist."""
        if self.inbox is not None:
            return session.maybe(system.INBOX.find(self.inbox.event_id, self.inbox.consumer)) is not None
        return session.maybe(system.OPERATIONS.find(self.context.principal, self.key)) is not None

    def _replay(self, session: Session) -> None:
        record = find_record(session, self.context, self.key)
        if record is not None:
            raise Replay(record)


def find_record(session: Session, context: Context, key: str) -> system.OperationRecord | None:
    """The operation record under the caller's key. Raises IdempotencyKeyReused (422) when it belongs to another
    request."""
    record = session.maybe(system.OPERATIONS.find(context.principal, key))
    if record is None:
        return None
    given = context.request.idempotency.fingerprint if context.request.idempotency else ""
    if record.operation != context.operation or record.fingerprint != given:
        raise IdempotencyKeyReused()
    return record


def render(answer: Any, *, redact: bool = False) -> str:
    """The JSON text of an answer; `redact` nulls the fields that are shown only once."""
    if answer is None:
        return ""
    secret: frozenset[str] = getattr(type(answer), "SHOW_ONCE", frozenset())
    if redact and secret:
        answer = answer.model_copy(update=dict.fromkeys(secret))
    return str(answer.model_dump_json())


def etag_of(answer: Any) -> str | None:
    """The quoted version of a versioned resource, as an ETag."""
    version = getattr(answer, "version", None)
    return None if version is None else f'"{version}"'
