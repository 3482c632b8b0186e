"""Kill a sending process for real, between every two steps: another one finishes its work, and nothing happens twice.

SENDER_KILLS=99 takes all steps; `make test` takes the first ones of each list.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess

import pytest

from shared import resources
from shared.domain.transactions.transactions import Transaction
from shared.settings import load
from tests.emulated.engine import sending_process
from tests.emulated.engine.world import World
from tests.support.proof import size
from tests.support.stores import leads_to

TARGET = "0x" + "dead" * 10
KILLS = size("SENDER_KILLS", 7)
SECONDS = 60  # limit for a process to reach its kill point, on a busy machine
# The passages of a transfer's life, in commits: 1 T1 + T2, 2 T3, then the chain's state of lane and
# transactions.
SENDING = [
    "before_commit:1",  # signed, nothing stored
    "after_commit:1",  # stored, not sent
    "before_broadcast:1",
    "after_broadcast:1",  # sent, the answer not recorded
    "before_commit:2",
    "after_commit:2",  # recorded
    "before_commit:4",  # mined, not recorded
    "before_publish:1",
    "after_publish:1",
    "after_delete:1",
    "before_commit:3",
    "after_commit:3",
    "after_commit:4",
    "before_commit:5",
    "after_commit:5",
]
# A no-op that cancels a sent transaction: 1 its T4, 2 its T3.
UNDOING = [
    "after_commit:1",  # the no-op is stored, not sent
    "after_broadcast:1",
    "before_commit:1",
    "before_broadcast:1",
    "before_commit:2",
    "after_commit:2",
]


@contextlib.contextmanager
def sender(world: World, point: str = "") -> Iterator[BaseProcess]:
    """A process that drives the chain; it dies at the point, or at the end of the block."""
    env = os.environ | {
        "RPC_URL": resources.settings().rpc_urls["local"][0],
        "STATE_DIR": resources.settings().state_dir,
        **leads_to(resources.database()),
        "CACHE": "off",
    }
    child = sending_process.started(load(env), point)
    try:
        yield child
    finally:
        child.kill()
        child.join()


def killed(world: World, point: str) -> None:
    """Run a separate process, over consecutive blocks, until it is killed at the point."""
    began = time.monotonic()
    with sender(world, point) as child:
        while child.exitcode is None and time.monotonic() - began < SECONDS:
            world.mine()
            child.join(0.2)
        assert child.exitcode == -signal.SIGKILL, f"never came to {point}"


@pytest.mark.parametrize("point", SENDING[:KILLS])
def test_a_killed_sender_is_replaced(world: World, point: str) -> None:
    wallet = world.wallet()
    sent = [world.send(wallet, TARGET, number + 1)["id"] for number in range(3)]
    killed(world, point)
    world.settle(60)
    assert [world.row(one).state for one in sent] == ["confirmed"] * 3
    assert [world.row(one).nonce for one in sent] == [0, 1, 2]
    assert world.balance(TARGET) == 6 and world.count(wallet.address) == 3


@pytest.mark.parametrize("point", UNDOING[: KILLS // 3])
def test_a_killed_canceller_is_replaced(world: World, point: str) -> None:
    wallet = world.wallet()
    sent, other = (world.send(wallet, TARGET, value)["id"] for value in (5, 3))
    world.hints()
    world.app.ok(200, "POST", f"/transactions/{sent}/cancel", user=wallet.user_id)
    with sender(world, point) as child:
        child.join(SECONDS)  # no block comes meanwhile: the no-op decides
        assert child.exitcode == -signal.SIGKILL
    world.settle(60)
    assert _states(world.row(sent), world.row(other)) == ["cancelled", "confirmed"]
    assert world.balance(TARGET) == 3 and world.count(wallet.address) == 2


def test_two_processes_fight_over_one_lane(world: World) -> None:
    """Both find the same queue at the same time, without a lease: compare-and-set lets one win each batch."""
    wallet = world.wallet()
    sent = [world.send(wallet, TARGET, number + 1)["id"] for number in range(100)]
    began = time.monotonic()
    with sender(world), sender(world):
        while not all(world.row(one).nonce is not None for one in (sent[0], sent[-1])):
            assert time.monotonic() - began < SECONDS
            world.mine()
    world.settle(60)
    assert [world.row(one).nonce for one in sent] == list(range(100))
    assert {world.row(one).state for one in sent} == {"confirmed"}
    assert world.balance(TARGET) == 5050 and world.count(wallet.address) == 100


def _states(*rows: Transaction) -> list[str]:
    return [row.state for row in rows]
