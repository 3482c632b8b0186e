"""Crashes between every two steps, parallel senders, late and repeated hints: each transfer happens exactly once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from eth_account import Account

from shared import resources
from shared.engine import broadcast, dispatch, leases, pending
from shared.runtime.context import running
from shared.store.tables.transactions import LANE_SHARDS, LANES
from shared.writes import mutation
from tests.emulated.engine.world import World, as_system


class Killed(BaseException):
    """An exception that no handler may catch."""


def killer(name: str, times: int = 1) -> Callable[[str], None]:
    """Replaces `faults.point`: dies at the given passage."""
    passages = iter(range(1, 1_000_000))

    def point(here: str) -> None:
        if here == name and next(passages) == times:
            raise Killed

    return point


@pytest.mark.parametrize("step", ["before_broadcast", "after_broadcast"])
def test_a_sender_that_dies_around_a_broadcast_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    wallet, target = world.wallet(), Account.create().address
    sent = [world.send(wallet, target, 7)["id"] for _ in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr(broadcast, "point", killer(step))
        with pytest.raises(Killed):
            world.tick()
    assert {world.row(one).state for one in sent} == {"submitted"}
    world.forget()
    world.mine()
    world.later(3)  # until transactions that are signed but not sent are due
    world.settle()
    assert world.balance(target) == 21
    assert [world.row(one).attempt_count for one in sent] == [1, 1, 1]


@pytest.mark.parametrize("passage", range(1, 9))
@pytest.mark.parametrize("step", ["before_commit", "after_commit"])
def test_a_process_that_dies_at_any_commit_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str, passage: int
) -> None:
    wallet, target = world.wallet(), Account.create().address
    for _ in range(2):
        world.send(wallet, target, 9)
    with monkeypatch.context() as patch:
        patch.setattr(mutation, "point", killer(step, passage))
        for _ in range(6):
            try:
                world.tick()
                world.mine()
            except Killed:
                break
    world.forget()
    world.mine()
    world.settle(30)
    assert world.balance(target) == 18
    assert world.count(wallet.address) == 2


def test_dispatchers_that_compete_give_every_nonce_once(world: World) -> None:
    wallet, target = world.wallet(), Account.create().address
    sent = [world.send(wallet, target, 1)["id"] for _ in range(80)]
    lane = world.row(sent[0]).lane_id

    def work() -> None:
        with running(as_system()):
            dispatch.drain(lane)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work) for _ in range(4)]:
            done.result()
    world.settle(20)
    assert sorted(world.row(one).nonce for one in sent) == list(range(80))
    assert {world.row(one).attempt_count for one in sent} == {1}
    assert world.balance(target) == 80


def test_hints_may_come_late_twice_and_out_of_order(world: World) -> None:
    wallet, target = world.wallet(), Account.create().address
    first, second = world.send(wallet, target, 1), world.send(wallet, target, 2)
    world.published.sent.reverse()
    world.hints()
    world.hints(again=True)
    world.settle()
    world.hints(again=True)
    assert [world.row(one["id"]).nonce for one in (first, second)] == [0, 1]
    assert world.balance(target) == 3
    (lane,) = world.rows(LANES)
    assert lane.next_nonce == 2


def test_a_node_that_forgets_the_pool_gets_the_same_bytes_again(world: World) -> None:
    wallet, target = world.wallet(), Account.create().address
    sent = world.send(wallet, target, 5)["id"]
    world.hints()
    first = world.row(sent).hash
    world.control("anvil_dropAllTransactions")
    world.mine()
    world.tick()
    assert world.balance(target) == 0
    world.later(2)
    world.tick()
    world.settle()
    assert world.balance(target) == 5
    assert world.row(sent).hash == first
    assert world.attempts(sent)[0].send_count >= 1  # that the node took them the first time is not recorded


def test_a_lease_is_for_one_at_a_time_and_runs_out(world: World) -> None:
    first = leases.take("tick:x", "a", 30)
    assert first and not leases.take("tick:x", "b", 30)
    assert leases.keep(first, 20)
    world.later(21)
    second = leases.take("tick:x", "b", 5)
    assert second and not leases.keep(first, 5), "it was taken since"
    assert leases.keep(second, 0)
    assert not leases.keep(first, 5), "also when it is free again"
    assert leases.take("tick:x", "a", 5)


def test_a_tick_leaves_the_work_to_the_holder_of_the_lease(world: World) -> None:
    wallet, target = world.wallet(), Account.create().address
    sent = world.send(wallet, target)["id"]
    names = [pending.bucket_lease("local", bucket) for bucket in range(LANE_SHARDS)]
    assert all(leases.take(name, "somebody", 30) for name in names)
    world.tick()
    assert world.row(sent).state == "accepted"
    for name in names:
        leases.take(name, "somebody", 0)
    world.tick()
    assert world.row(sent).state == "submitted"


def test_a_lost_answer_of_the_commit_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.store.port import UnknownOutcome

    wallet, target = world.wallet(), Account.create().address
    sent = world.send(wallet, target, 3)["id"]
    database = resources.database()
    real, failures = database.transact, iter([True])

    def transact(body: object, *, optimistic: bool = False) -> object:
        answer = real(body, optimistic=optimistic)
        if getattr(body, "__self__", None) is not None and next(failures, False):
            raise UnknownOutcome("lost")
        return answer

    monkeypatch.setattr(database, "transact", transact)
    world.hints()
    monkeypatch.undo()
    world.settle()
    assert world.row(sent).nonce == 0 and world.balance(target) == 3
