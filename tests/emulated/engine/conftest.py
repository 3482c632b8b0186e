"""A world per test: a fresh database, and a separate node that mines on demand."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from emulators import toolkit
from shared import resources
from shared.chain.errors import ChainError
from shared.chain.registry import Registry
from shared.chain.rpc import RpcClient
from tests.emulated.conftest import Recorder
from tests.emulated.engine.world import World, check
from tests.support.clock import ShiftedClock
from tests.support.inprocess import App


@contextlib.contextmanager
def node(*arguments: str) -> Iterator[tuple[str, RpcClient]]:
    """An anvil for this test only, stopped at its end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    states = tempfile.TemporaryDirectory(prefix="anvil-")
    own = ("--port", str(port), "--cache-path", states.name)
    command = [*toolkit.anvil(), "--silent", "--chain-id", "31337", *own, *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    rpc = RpcClient("control", f"http://127.0.0.1:{port}")
    try:
        for _ in range(400):
            assert process.poll() is None, "anvil ended"
            with contextlib.suppress(ChainError):
                rpc.call("eth_blockNumber", [])
                break
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}", rpc
    finally:
        rpc.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)
        states.cleanup()


@pytest.fixture
def world(app: App, published: Recorder) -> Iterator[World]:
    """The product over a node that mines on demand; the invariants are checked at the end."""
    with node("--no-mining") as (url, rpc):
        settings = replace(resources.settings(), rpc_urls={"local": (url,)})
        clock = ShiftedClock()
        with resources.override(settings=settings, clock=clock):
            made = World(app, rpc, published, clock)
            made.mine(3)
            yield made
            if not made.undone:
                check(made)


@pytest.fixture
def running_world(app: App, published: Recorder) -> Iterator[World]:
    """The product over the run's shared node, which mines each second."""
    rpc = RpcClient("control", os.environ["RPC_URL"])
    yield World(app, rpc, published)
    rpc.close()


@pytest.fixture
def changed(world: World) -> Iterator[Any]:
    """Change the local chain's settings for a test."""
    undo = []

    def change(**fields: Any) -> None:
        spec = replace(resources.registry().chain("local"), **fields)
        registry = Registry(MappingProxyType({**resources.registry().chains, "local": spec}))
        block = resources.override(registry=registry)
        block.__enter__()
        undo.append(block)
        resources.reset("chain:local")

    yield change
    for block in undo:
        block.__exit__(None, None, None)
