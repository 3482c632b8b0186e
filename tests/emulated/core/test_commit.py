"""One mutation, whatever the database answers: lost commit answers, twins, conflicts, refusals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

import pytest

from shared import commit, resources
from shared.cache import NoCache
from shared.clock import new_id
from shared.context import Context, Idempotency, deadline_in, running
from shared.domain.errors import InvalidState, Refusal
from shared.errors import IdempotencyKeyReused, Unready
from shared.store import records
from shared.store.port import Database, Mutation, Transaction, UnknownOutcome
from shared.store.records import DEAD_LETTERS, OPERATIONS, DeadLetter
from shared.store.session import Session
from shared.store.unit import UnitOfWork
from tests.emulated.conftest import Recorder


class Body:
    """An answer with a version, as pydantic models give."""

    def __init__(self, text: str) -> None:
        self.text, self.version = text, 1

    def model_dump_json(self) -> str:
        return f'{{"text":"{self.text}"}}'


@dataclass
class Forgetful:
    """A real database whose commits' answers get lost, before or after they happened."""

    inner: Database
    lose: Callable[[], str | None]

    def snapshot(self, **how: Any) -> Any:
        return self.inner.snapshot(**how)

    def write(self, mutations: Sequence[Mutation]) -> datetime:
        return self.inner.write(mutations)

    def transact(self, body: Callable[[Transaction], Any], *, optimistic: bool = False) -> Any:
        fate = self.lose()
        if fate == "before":
            raise UnknownOutcome("injected: never arrived")
        done = self.inner.transact(body, optimistic=optimistic)
        if fate == "after":
            raise UnknownOutcome("injected: the answer was lost")
        return done


@pytest.fixture
def core(database: Database, published: Recorder) -> Iterator[Database]:
    with resources.override(fresh=True, database=database, publisher=published, cache=NoCache()):
        yield database


def letter(unit: UnitOfWork, text: str) -> Body:
    unit.write(DeadLetter(unit.new_id("dlq"), "test", "t", text, "", {}, "new", 1, unit.now, unit.now))
    return Body(text)


def once(text: str, key: str | None, fingerprint: str = "f") -> str:
    context = Context("test_op", new_id("req"), deadline_in(30))
    context.idempotency = Idempotency(key, fingerprint) if key else None
    with running(context):
        try:
            return commit.render(commit.commit(letter, text))
        except commit.Replay as replay:
            return replay.record.body


def insist(key: str) -> str:
    """What a client does after a 503: the same request again."""
    while True:
        with suppress(Unready):
            return once(key, key)


def count(database: Database) -> int:
    return len(Session(database.snapshot()).one(DEAD_LETTERS.scan()))


@pytest.mark.parametrize("fate", ["before", "after"])
@pytest.mark.parametrize("key", [None, "k"])
def test_a_lost_commit_answer_is_settled_by_the_record(core: Database, fate: str, key: str | None) -> None:
    fates = iter([fate, None, None])
    with resources.override(database=Forgetful(core, lambda: next(fates))):
        assert once("hello", key) == '{"text":"hello"}'
    assert count(core) == 1


def test_keys_have_one_effect_under_twins_and_lost_answers(core: Database) -> None:
    rng = Random(7)
    lossy = Forgetful(core, lambda: rng.choice(["before", "after"]) if rng.random() < 0.2 else None)
    keys = [f"key-{n}" for n in range(60)]
    with resources.override(database=lossy), ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda key: (key, insist(key)), [key for key in keys for _ in range(3)]))
    assert Counter(text for _, text in answers) == Counter({f'{{"text":"{key}"}}': 3 for key in keys})
    assert count(core) == len(keys)


def test_a_key_stands_for_one_request(core: Database) -> None:
    once("one", "k", "f1")
    with pytest.raises(IdempotencyKeyReused):
        once("one", "k", "f2")


def test_a_refusal_consults_the_record_inside_its_transaction(core: Database) -> None:
    def refusing(unit: UnitOfWork) -> Body:
        unit.many(DEAD_LETTERS.scan(limit=1))
        raise InvalidState(status="closed")

    once("one", "k")
    context = Context("test_op", "req", deadline_in(30), idempotency=Idempotency("k", "f"))
    with running(context), pytest.raises(commit.Replay):
        commit.commit(refusing)
    context.idempotency = Idempotency("other", "f")
    with running(context), pytest.raises(InvalidState) as refused:
        commit.commit(refusing)
    assert refused.value.record_checked


def test_a_conflict_is_the_bodys_own_refusal(core: Database) -> None:
    class Taken(Refusal):
        code = "TEST_TAKEN"

    def twice(unit: UnitOfWork) -> Body:
        unit.on_conflict(Taken())
        unit.write(DeadLetter("dlq_same", "test", "t", "", "", {}, "new", 1, unit.now, unit.now))
        return Body("x")

    with running(Context("test_op", "req", deadline_in(30))):
        commit.commit(twice)
        with pytest.raises(Taken):
            commit.commit(twice)


def test_an_event_is_applied_once(core: Database) -> None:
    row = records.InboxRow("consumer", "evt_1", datetime.fromisoformat("2026-01-01T00:00:00+00:00"))
    with running(Context("test_op", "req", deadline_in(30))):
        commit.commit(letter, "effect", inbox=row)
        with pytest.raises(commit.AlreadyApplied):
            commit.commit(letter, "effect", inbox=row)
    assert count(core) == 1


def test_state_record_audit_and_outbox_share_one_commit(core: Database, published: Recorder) -> None:
    published.failing = True

    def body(unit: UnitOfWork) -> Body:
        unit.emit("order.created", "ord_1", 1, Body("x"), feed=["usr_1"])
        return letter(unit, "x")

    with running(Context("test_op", "req", deadline_in(30), idempotency=Idempotency("k", "f"))):
        commit.commit(body)
    session = Session(core.snapshot())
    outbox = [
        row for shard in range(records.OUTBOX_SHARDS) for row in session.one(records.OUTBOX.scan(shard))
    ]
    feed = session.one(records.FEED.scan("usr_1"))
    audit = [row for shard in range(records.AUDIT_SHARDS) for row in session.one(records.AUDIT.scan(shard))]
    assert session.maybe(OPERATIONS.find("anonymous", "k")) is not None
    assert len({row.committed_at for row in [*outbox, *feed, *audit]}) == 1
    assert [row.envelope["type"] for row in outbox] == ["order.created"]
