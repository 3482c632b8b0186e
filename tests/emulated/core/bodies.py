"""The bodies that the tests of `commit` use, and a real database that loses answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.runtime.clock import new_id
from shared.runtime.context import Context, Idempotency, deadline_in, running
from shared.runtime.errors import Unready
from shared.store.port import Database, StoreTransaction, UnknownOutcome, Write
from shared.store.session import Session
from shared.store.tables.system import DEAD_LETTERS, DeadLetter
from shared.store.unit_of_work import UnitOfWork
from shared.writes import commit
from shared.writes.mutation import Replay, render


class Body:
    """An answer with a version, like the pydantic models."""

    def __init__(self, text: str) -> None:
        self.text, self.version = text, 1

    def model_dump_json(self) -> str:
        return f'{{"text":"{self.text}"}}'


@dataclass
class Forgetful:
    """A real database that loses the answers of commits, before or after they took effect."""

    inner: Database
    lose: Callable[[], str | None]

    def snapshot(self, **how: Any) -> Any:
        return self.inner.snapshot(**how)

    def write(self, writes: Sequence[Write]) -> datetime:
        return self.inner.write(writes)

    def transact(self, body: Callable[[StoreTransaction], Any], *, optimistic: bool = False) -> Any:
        fate = self.lose()
        if fate == "before":
            raise UnknownOutcome("injected: never arrived")
        done = self.inner.transact(body, optimistic=optimistic)
        if fate == "after":
            raise UnknownOutcome("injected: the answer was lost")
        return done


def letter(unit: UnitOfWork, text: str) -> Body:
    """One visible effect."""
    unit.write(DeadLetter(unit.new_id("dlq"), "test", "t", text, "", {}, "new", 1, unit.now, unit.now))
    return Body(text)


def once(text: str, key: str | None, fingerprint: str = "f", group: str | None = None) -> str:
    """Return one request's answer, replayed or not."""
    context = Context("test_op", new_id("req"), deadline_in(60))
    context.request.idempotency = Idempotency(key, fingerprint) if key else None
    with running(context):
        try:
            return render(commit.commit(letter, text, group=group))
        except Replay as replay:
            return replay.record.body


def insist(key: str, group: str | None = None) -> str:
    """Send the same request again after a 503, like a client."""
    while True:
        with suppress(Unready):
            return once(key, key, group=group)


def count(database: Database) -> int:
    """The number of effects."""
    return len(Session(database.snapshot()).many(DEAD_LETTERS.scan()))
