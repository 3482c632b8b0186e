"""An anvil for some tests only, on a port that no other process takes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator

from emulators import ports, process, toolkit
from emulators.client import wait_for
from shared.chain.errors import ChainError
from shared.chain.rpc import RpcClient


@contextlib.contextmanager
def anvil(*arguments: str) -> Iterator[str]:
    """Start it with these arguments, and yield its URL; it is stopped at the end, also if this process is killed."""
    states = tempfile.TemporaryDirectory(prefix="anvil-")
    with ports.reserve() as (port, lock):
        own = ("--port", str(port), "--cache-path", states.name)
        command = [*process.guarded(), *toolkit.anvil(), "--silent", "--chain-id", "31337", *own, *arguments]
        started = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(lock,),
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for("anvil", lambda: _answers(url, started), 60.0, 0.02)
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGTERM)
        started.wait(30)
        states.cleanup()


def _answers(url: str, started: subprocess.Popen[bytes]) -> bool:
    assert started.poll() is None, "anvil ended"
    rpc = RpcClient("control", url)
    try:
        rpc.call("eth_blockNumber", [])
    except ChainError:
        return False
    finally:
        rpc.close()
    return True
