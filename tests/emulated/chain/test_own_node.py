"""A test's own node ends with the process that runs the test, however that ends."""

from __future__ import annotations

import signal
import subprocess
import sys

from emulators.client import wait_for
from emulators.toolkit import ROOT
from shared.chain.errors import ChainError
from shared.chain.rpc import RpcClient

KILLED = """
import os, signal
from tests.support.own_node import anvil

with anvil("--no-mining") as url:
    print(url, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_test_leaves_no_node_behind() -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED], cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL
    rpc = RpcClient("left behind", done.stdout.strip())

    def gone() -> bool:
        try:
            rpc.call("eth_blockNumber", [])
        except ChainError:
            return True
        return False

    wait_for("the node to end", gone, 10.0, 0.05)
    rpc.close()
