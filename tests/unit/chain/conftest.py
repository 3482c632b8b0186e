"""Pools over these endpoints, closed after the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from shared.chain.endpoints import Endpoint
from shared.chain.pool import Pool
from tests.unit.chain.nodes import Clock, Node


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pool_of(clock: Clock) -> Iterator[Callable[..., Pool]]:
    made: list[Pool] = []

    def make(*nodes: Node, **limits: float) -> Pool:
        made.append(Pool([Endpoint(node, 31337, clock=clock, **limits) for node in nodes]))
        return made[-1]

    yield make
    for pool in made:
        pool.close()
