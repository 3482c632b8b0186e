"""A world per test: a fresh database, and a separate node that mines on demand."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from shared import resources
from shared.chain.registry import Registry
from shared.chain.rpc import RpcClient
from tests.emulated.conftest import Recorder
from tests.emulated.engine.world import World, check
from tests.support.clock import ShiftedClock
from tests.support.inprocess import App
from tests.support.own_node import anvil


@contextlib.contextmanager
def node(*arguments: str) -> Iterator[tuple[str, RpcClient]]:
    """An anvil for this test only, stopped at its end."""
    # One account of its own: deriving ten takes it as long as all the rest of its start.
    with anvil("--accounts", "1", *arguments) as url:
        rpc = RpcClient("control", url)
        try:
            yield url, rpc
        finally:
            rpc.close()


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
