"""Wait until a quorum of a chain's nodes agrees; shared by the commands about forgotten payments."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import Final, TypeVar

from shared.chain.client import ChainClient
from shared.chain.errors import NoQuorum

# How many blocks to wait for a quorum; with a single node, two heads must give the same answer.
BLOCKS: Final = 8
T = TypeVar("T")


def wait_for(client: ChainClient, ask: Callable[[], T]) -> T:
    """Repeat `ask` at later heads until a quorum answers. Raises NoQuorum after BLOCKS blocks."""
    until = monotonic() + BLOCKS * max(1.0, client.spec.block_seconds)
    while True:
        try:
            return ask()
        except NoQuorum:
            if monotonic() > until:
                raise
        sleep(min(1.0, client.spec.block_seconds))
