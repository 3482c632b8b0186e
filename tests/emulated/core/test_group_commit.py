"""Runs that share a commit keep their own results separate: record, audit row, events, refusal, replay and faults."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from shared import resources
from shared.domain.errors import InvalidState
from shared.runtime.context import Context, Idempotency, deadline_in, running
from shared.runtime.errors import Unready
from shared.store.port import Database, UnknownOutcome
from shared.store.session import Session
from shared.store.tables.system import AUDIT, DEAD_LETTERS, FEED, OPERATIONS, OUTBOX
from shared.store.unit_of_work import UnitOfWork
from shared.writes import commit
from shared.writes.group_commit import CommitGroups
from shared.writes.mutation import Replay, render
from tests.emulated.conftest import Recorder
from tests.emulated.core.bodies import Body, count, letter

GROUP = "letters"
Work = tuple[Callable[[UnitOfWork], Body], str | None]  # a body, and the request's key


class Bug(Exception):
    """Not a refusal: a defect in the body."""


def told(text: str) -> Callable[[UnitOfWork], Body]:
    """A body with one effect and an event, also in its user's feed."""

    def body(unit: UnitOfWork) -> Body:
        unit.emit("order.created", text, 1, Body(text), feed=["usr_1"])
        return letter(unit, text)

    return body


def refused(unit: UnitOfWork) -> Body:
    letter(unit, "must not be seen")
    raise InvalidState(status="closed")


def broken(unit: UnitOfWork) -> Body:
    raise Bug


def held(
    arrived: threading.Event, go: threading.Event, body: Callable[[UnitOfWork], Body]
) -> Callable[[UnitOfWork], Body]:
    """Wrap the body: it signals its beginning, and continues when allowed."""

    def holding(unit: UnitOfWork) -> Body:
        arrived.set()
        assert go.wait(20)
        return body(unit)

    return holding


def run(body: Callable[[UnitOfWork], Body], key: str | None, seconds: float = 30.0) -> str:
    context = Context("test_op", "req", deadline_in(seconds))
    context.request.idempotency = Idempotency(key, "f") if key else None
    with running(context):
        return render(commit.commit(body, group=GROUP))


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def waiting() -> int:
    return resources.memory(CommitGroups).waiting(GROUP) or 0


def together(*works: Work) -> list[Future[str]]:
    """Run bodies in one group. The first leads, and is held until all others wait for it."""
    led, gathered = threading.Event(), threading.Event()
    with ThreadPoolExecutor(len(works)) as pool:
        found = [pool.submit(run, held(led, gathered, works[0][0]), works[0][1])]
        assert led.wait(20)
        for number, (body, key) in enumerate(works[1:], 1):
            found.append(pool.submit(run, body, key))
            until(lambda wanted=number: waiting() == wanted)  # type: ignore[misc]
        gathered.set()
    assert resources.memory(CommitGroups).waiting(GROUP) is None
    return found


class Counting:
    """A database that counts its transactions."""

    def __init__(self, inner: Database) -> None:
        self.inner, self.transactions = inner, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def transact(self, body: Any, *, optimistic: bool = False) -> Any:
        self.transactions += 1
        return self.inner.transact(body, optimistic=optimistic)


class Losing(Counting):
    """Loses the answer of the first commit, which may have taken effect or not."""

    def __init__(self, inner: Database, happens: bool) -> None:
        super().__init__(inner)
        self.happens = happens

    def transact(self, body: Any, *, optimistic: bool = False) -> Any:
        def arrives_not(transaction: Any) -> None:
            body(transaction)
            raise UnknownOutcome("injected: never arrived")

        first = self.transactions == 0
        found = super().transact(body if self.happens or not first else arrives_not, optimistic=optimistic)
        if first:
            raise UnknownOutcome("injected: the answer was lost")
        return found


@pytest.fixture
def store(either: tuple[str, Database]) -> Iterator[Database]:
    counting = Counting(either[1])
    with resources.override(database=counting):
        yield counting


def texts(store: Database) -> list[str]:
    return sorted(row.reason for row in Session(store.snapshot()).many(DEAD_LETTERS.scan()))


def test_who_comes_meanwhile_shares_a_commit(store: Counting, published: Recorder) -> None:
    published.failing = True  # the outbox keeps its rows
    names = [f"t{number}" for number in range(5)]
    answers = together(*((told(name), name) for name in names))
    assert [answer.result() for answer in answers] == [f'{{"text":"{name}"}}' for name in names]
    assert store.transactions == 1
    session = Session(store.snapshot())
    assert texts(store) == names
    assert [row.subject for row in session.many(FEED.scan("usr_1"))] == names
    assert {session.one(OPERATIONS.get("anonymous", name)).body for name in names} == {
        f'{{"text":"{name}"}}' for name in names
    }
    kept = [row for shard in range(16) for row in session.many(OUTBOX.scan(shard))]
    assert sorted((row.ord, row.envelope["subject"]) for row in kept) == list(enumerate(names))
    audited = [row for shard in range(16) for row in session.many(AUDIT.scan(shard))]
    assert [row.events for row in audited] == [["order.created"]] * 5
    assert len({row.committed_at for row in (*kept, *audited)}) == 1


def test_a_refusal_of_one_body_refuses_only_that_mutation(store: Counting) -> None:
    first, second, third = together((told("a"), "a"), (refused, "b"), (told("c"), "c"))
    assert (first.result(), third.result()) == ('{"text":"a"}', '{"text":"c"}')
    with pytest.raises(InvalidState):
        second.result()
    assert texts(store) == ["a", "c"]
    assert store.transactions == 1
    assert Session(store.snapshot()).maybe(OPERATIONS.find("anonymous", "b")) is None


def test_a_group_in_which_all_are_refused_commits_nothing(store: Counting) -> None:
    for one in together((refused, "a"), (refused, "b")):
        assert isinstance(one.exception(), InvalidState)
    assert texts(store) == []


def test_one_key_twice_has_one_effect(store: Counting) -> None:
    first, second, third = together((told("a"), "k"), (told("a"), "k"), (told("c"), "c"))
    assert (first.result(), third.result()) == ('{"text":"a"}', '{"text":"c"}')
    replay = second.exception()
    assert isinstance(replay, Replay)
    assert replay.record.body == '{"text":"a"}'
    assert texts(store) == ["a", "c"]


def test_a_key_of_before_is_replayed_and_the_others_go_on(store: Counting) -> None:
    run(told("old"), "k")
    first, second = together((told("a"), "a"), (told("old"), "k"))
    assert first.result() == '{"text":"a"}'
    assert isinstance(second.exception(), Replay)
    assert texts(store) == ["a", "old"]


def test_a_bug_in_one_body_fails_only_that_mutation(store: Counting) -> None:
    first, second, third = together((told("a"), "a"), (broken, "b"), (told("c"), None))
    assert (first.result(), third.result()) == ('{"text":"a"}', '{"text":"c"}')
    assert isinstance(second.exception(), Bug)
    assert texts(store) == ["a", "c"]


@pytest.mark.parametrize("happens", [True, False])
@pytest.mark.parametrize("key", [True, False])
def test_a_lost_answer_is_settled_by_each_ones_record(store: Counting, happens: bool, key: bool) -> None:
    names = ["a", "b", "c"]
    with resources.override(database=Losing(store.inner, happens)):
        answers = together(*((told(name), name if key else None) for name in names))
    for name, one in zip(names, answers, strict=True):
        error = one.exception()
        shown = error.record.body if isinstance(error, Replay) else one.result()
        assert shown == f'{{"text":"{name}"}}'
    assert texts(store) == names


def test_past_its_deadline_a_run_is_not_taken_along(store: Counting) -> None:
    led, go = threading.Event(), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        leader = pool.submit(run, held(led, go, told("a")), "a")
        assert led.wait(20)
        late = pool.submit(run, told("late"), "late", 0.05)
        assert isinstance(late.exception(20), Unready)
        go.set()
        assert leader.result(20) == '{"text":"a"}'
    assert texts(store) == ["a"]


def test_who_cannot_wait_for_the_commit_is_not_told_that_it_happened(store: Counting) -> None:
    """Its run was tried already: only its operation record will show whether it is committed."""
    led, joined, tried, go = (threading.Event() for _ in range(4))
    with ThreadPoolExecutor(3) as pool:
        leader = pool.submit(run, held(led, joined, told("a")), "a")
        assert led.wait(20)
        late = pool.submit(run, told("late"), "late", 4.0)
        until(lambda: waiting() == 1)
        last = pool.submit(run, held(tried, go, told("c")), "c")
        until(lambda: waiting() == 2)
        joined.set()
        assert tried.wait(20)
        assert isinstance(late.exception(20), Unready)
        go.set()
        assert (leader.result(20), last.result(20)) == ('{"text":"a"}', '{"text":"c"}')
    with pytest.raises(Replay) as replayed:
        run(told("late"), "late")
    assert replayed.value.record.body == '{"text":"late"}'
    assert texts(store) == ["a", "c", "late"]


@pytest.mark.parametrize("place", [1, 2])
def test_a_leader_that_dies_leaves_nobody_waiting(store: Counting, place: int) -> None:
    class Killed(BaseException):
        """The thread ends here."""

    def dying(unit: UnitOfWork) -> Body:
        raise Killed

    works: list[Work] = [(told("a"), "a"), (told("c"), "c")]
    works.insert(place, (dying, "b"))
    leader, *others = together(*works)
    assert isinstance(leader.exception(), Killed)
    assert all(isinstance(one.exception(), Unready) for one in others)
    assert count(store) == 0
    assert run(told("c"), "c") == '{"text":"c"}'
