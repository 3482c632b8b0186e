"""The tick's loop as in production; a long queue on one lane hides nothing of the others."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta

from eth_account import Account

from shared import resources
from shared.engine import accept, intents, pending, tick
from shared.engine.intents import Sender
from shared.runtime.context import running
from shared.store.tables.transactions import LANES, LEASES
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit
from tests.emulated.engine.world import ETHER, World, as_system

TARGET = "0x" + "71c4" * 10
BACKLOG = 120


def _accept(unit: UnitOfWork, planned: accept.SendPlan) -> None:
    for number in range(BACKLOG):
        key = f"b{number:04}"
        accept.accept(unit, planned, transaction_id=f"txn_{key}", tenant="usr", idem_key=key)


def test_a_run_goes_on_until_everything_is_final(running_world: World) -> None:
    world, target = running_world, Account.create().address
    wallet = world.wallet(5 * ETHER)
    sent = [world.send(wallet, target, 1)["id"] for _ in range(3)]
    began = time.monotonic()
    with running(as_system("tick_chain")):
        tick.run("local", lease_seconds=5, once=False)
    assert {(world.row(one).state, world.row(one).finalized) for one in sent} == {("confirmed", True)}
    assert time.monotonic() - began < 30
    (lease,) = world.rows(LEASES)
    assert lease.held_until <= resources.clock().now() + timedelta(seconds=1), "a block's time"


def test_a_run_ends_when_its_time_is_over(world: World) -> None:
    wallet = world.wallet()
    world.send(wallet, TARGET)
    began = time.monotonic()
    with running(as_system("tick_chain", tick.RESERVE_SECONDS + 1.5)):
        tick.run("local", lease_seconds=5, once=False)  # nothing is mined: there would be work forever
    assert 1 < time.monotonic() - began < 20
    world.settle()


def test_two_runs_share_the_work_by_the_lease(running_world: World) -> None:
    world, target = running_world, Account.create().address
    wallet = world.wallet(5 * ETHER)
    sent = [world.send(wallet, target, 1)["id"] for _ in range(5)]

    def run() -> None:
        with running(as_system("tick_chain")):
            tick.run("local", lease_seconds=5, once=False)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {world.row(one).state for one in sent} == {"confirmed"}
    assert world.balance(target) == 5


def test_a_paused_lane_with_a_long_queue_hides_nothing(world: World) -> None:
    paused, other = world.wallet(20 * ETHER), world.wallet()
    with running(as_system("tick_chain")):
        planned = accept.plan(intents.build(Sender.of_wallet(paused), TARGET, value=1), gas=None)
        commit(_accept, planned)
    world.tick()
    (lane,) = world.rows(LANES)
    resources.database().write(
        [LANES.write("update", replace(lane, paused_reason="OPERATOR", next_nonce=lane.next_nonce))]
    )
    first = world.send(paused, TARGET, 2)["id"]
    quick = world.send(other, TARGET, 3)["id"]
    works = pending.find("local")
    assert sum(len(work.queued) for work in works) == 2
    world.tick()
    assert world.row(quick).state == "submitted"
    assert world.row(first).state == "accepted"
    (lane,) = [row for row in world.rows(LANES) if row.address == paused.address]
    resources.database().write([LANES.write("update", replace(lane, paused_reason=None))])
    world.settle(30)
    assert world.row(first).state == "confirmed"
