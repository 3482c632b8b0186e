"""A sending process killed for real, between every two steps: another one finishes its work, nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from emulators.toolkit import ROOT
from shared import resources
from tests.emulated.engine.world import World

TARGET = "0x" + "dead" * 10
_SENDER = """
import time
from concurrent.futures import Future
from shared import resources
from shared.context import Context, deadline_in, running
from shared.engine import tick
from shared.identity.permissions import Caller

class Nowhere:
    def publish(self, topic, envelope):
        future = Future()
        future.set_result("1")
        return future

context = Context("tick_chain", "req", deadline_in(60))
context.caller = Caller.of_system()
with resources.override(publisher=Nowhere()), running(context):
    while True:
        tick.run_pass("local")
        time.sleep(0.05)
"""


@pytest.mark.parametrize(
    "point",
    [
        "before_commit:1",  # signed, nothing stored
        "after_commit:1",  # stored, not sent
        "before_broadcast:1",
        "after_broadcast:1",  # sent, the answer not recorded
        "before_commit:2",
        "after_commit:2",  # recorded
        "before_commit:4",  # mined, not recorded
        "after_commit:5",
    ],
)
def test_a_killed_sender_is_replaced(world: World, point: str) -> None:
    wallet = world.wallet()
    sent = [world.send(wallet, TARGET, number + 1)["id"] for number in range(3)]
    settings = resources.settings()
    env = os.environ | {
        "FAULT_POINT": point,
        "RPC_URL": settings.rpc_urls["local"][0],
        "STATE_DIR": settings.state_dir,
        "SPANNER_DATABASE": resources.database().handle.database_id,  # type: ignore[attr-defined]
        "CACHE": "off",
    }
    child = subprocess.Popen([sys.executable, "-c", _SENDER], cwd=ROOT, env=env)
    deadline = time.monotonic() + 30
    try:
        while child.poll() is None and time.monotonic() < deadline:
            world.mine()
            time.sleep(0.2)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == -signal.SIGKILL and time.monotonic() < deadline
    while not all(world.row(one).finalized for one in sent):
        assert time.monotonic() < deadline + 30
        world.tick()
        world.mine()
        time.sleep(0.1)
    assert [world.row(one).state for one in sent] == ["confirmed"] * 3
    assert [world.row(one).nonce for one in sent] == [0, 1, 2]
    assert world.balance(TARGET) == 6 and world.count(wallet.address) == 3
