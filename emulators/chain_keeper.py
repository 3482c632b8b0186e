"""Keep the local chain in a file, so that it outlives its node: write it soon after every block with transactions.

anvil can write its state itself, but not atomically: if it is killed meanwhile, it leaves half a file. This module
always leaves a complete file. A block that was mined just before everything was killed is lost. The product sees that
as a reorganisation, and nothing is final before three more blocks, which take three seconds.

A block takes two kilobytes, so the file is written only now and then while blocks are empty.
"""

from __future__ import annotations

import fcntl
import gzip
import logging
import threading
import time
from pathlib import Path
from typing import Any, Final

from shared.chain.errors import ChainError
from shared.chain.rpc import RpcClient

LOOK_SECONDS: Final = 0.2  # between two looks at the newest block
EMPTY_SECONDS: Final = 30.0  # between two writes while blocks are empty
DUMP_SECONDS: Final = 60.0  # the node may take so long for its state
MAX_BYTES: Final = 1 << 30  # of an answer of the node
DEPTH: Final = 4  # blocks; from it on the local chain is final, and the product reads no older state
_log = logging.getLogger(__name__)


def client(url: str) -> RpcClient:
    return RpcClient("sandbox", url, max_bytes=MAX_BYTES)


def write(node: RpcClient, path: Path) -> None:
    """Write the node's state to the file, atomically. Raises ChainError, OSError."""
    with path.with_name(f"{path.name}-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # otherwise an older state could be written last
        dumped = node.call("anvil_dumpState", [], DUMP_SECONDS)
        part = path.with_name(f"{path.name}-new")
        part.write_bytes(gzip.decompress(bytes.fromhex(dumped[2:])))
        part.replace(path)


def resume(node: RpcClient, known: int) -> None:
    """Continue a chain that was loaded from a file. Raises ChainError.

    Sets the clock to the current time, and mines blocks until the chain is higher than the `known` block and has
    states down to the depth that the product reads, because the file contains only the state of its newest block."""
    newest = node.call("eth_getBlockByNumber", ["latest", False])
    now = max(int(time.time()), int(newest["timestamp"], 16) + 1)  # its clock may have been advanced
    node.call("evm_setTime", [hex(now)])
    blocks = max(0, known - int(newest["number"], 16)) + DEPTH
    node.call("anvil_mine", [hex(blocks)], DUMP_SECONDS)


class ChainKeeper:
    """A thread that keeps the file up to date."""

    def __init__(self, url: str, path: Path) -> None:
        self._node, self._path = client(url), path
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chain keeper", daemon=True)
        self._seen: dict[str, Any] = {}
        self._written = 0.0

    def start(self) -> None:
        """Write the file and start the thread. Raises ChainError, OSError."""
        self._write(self._newest())
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and write the last state. A second call does nothing."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
            try:
                self._write(self._newest())
            except (ChainError, OSError) as error:
                _log.warning("the chain's newest blocks are not kept", extra={"error": str(error)})
        self._node.close()

    def _run(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            try:
                self._look()
            except (ChainError, OSError) as error:
                _log.warning("the chain is not kept now", extra={"error": str(error)})
                self._stopped.wait(1.0)

    def _look(self) -> None:
        newest = self._newest()
        if newest["hash"] == self._seen["hash"]:
            return
        follows = newest["parentHash"] == self._seen["hash"]
        waited = time.monotonic() - self._written
        if not follows or newest["transactions"] or waited > EMPTY_SECONDS:
            self._write(newest)
        self._seen = newest

    def _newest(self) -> dict[str, Any]:
        block: dict[str, Any] = self._node.call("eth_getBlockByNumber", ["latest", False])
        return block

    def _write(self, newest: dict[str, Any]) -> None:
        write(self._node, self._path)
        self._seen, self._written = newest, time.monotonic()
