"""Run the index of a chain: one pass, or passes at block time while a run has time. All state is in the database."""

from __future__ import annotations

import logging
import time
from typing import Final

from shared import resources
from shared.chain import block_scan
from shared.chain.client import ChainClient
from shared.chain.errors import ChainError, Lagging, NoQuorum
from shared.contracts.events import addresses, fill, live, notices, rolling_back
from shared.contracts.events.rolling_back import Forked, Moved
from shared.domain.contracts.events import ChainIndex, IndexFault
from shared.runtime.context import remaining_seconds
from shared.store.port import AlreadyExists
from shared.telemetry import metrics
from shared.writes.commit import STORE_FAULTS

_log = logging.getLogger(__name__)
RESERVE_SECONDS: Final = 5.0  # seconds left of the run's time
ANNOUNCEMENTS: Final = 20  # commits after each step, of up to 64 notices each
FILLS: Final = 20  # ranges of blocks that one pass fills
BEHIND = metrics.gauge(
    "wallet_index_blocks_behind", "Blocks that the index of contracts' events is behind.", "chain"
)


def run(chain: str, *, once: bool) -> None:
    """Make passes at block time until the run's time is over or another run has taken over; with `once`, one pass."""
    client = resources.chain(chain)
    while True:
        began = time.monotonic()
        going = run_pass(client)
        if once or not going or not _time_left():
            return
        time.sleep(max(0.05, max(1.0, client.spec.block_seconds) - (time.monotonic() - began)))


def _time_left() -> bool:
    return remaining_seconds(3600) >= RESERVE_SECONDS


def run_pass(client: ChainClient) -> bool:
    """Index new blocks, announce due notices, fill some earlier blocks; returns False if another run has taken over."""
    try:
        _pass(client)
    except Moved:
        return False
    except Forked:
        return _record_fault(client, "forked", "the chain is another one than was indexed")
    except (NoQuorum, Lagging) as error:
        return _record_fault(client, "no_quorum", str(error))
    except ChainError as error:
        return _record_fault(client, "unanswered", str(error))
    except (AlreadyExists, *STORE_FAULTS):  # the next pass continues from the stored position
        _log.warning("an index was not stored", exc_info=True, extra={"chain": client.spec.name})
    return True


def _pass(client: ChainClient) -> None:
    index = live.open_index(client)
    if index is None:
        return
    index = _follow(client, addresses.begin(rolling_back.finish(index)))
    index = addresses.drop(index)
    for _ in range(FILLS):
        if not _time_left() or not fill.fill(client, index):
            break
    if _time_left():
        fill.fill(client, index, "held")


def _follow(client: ChainClient, index: ChainIndex) -> ChainIndex:
    head, final = block_scan.heights(client)
    BEHIND.set(max(0, head - index.number), chain=client.spec.name)
    while True:
        before = index.number
        index = live.step(client, index, head, final)
        live.prune(index)
        for _ in range(ANNOUNCEMENTS):  # the others wait: new blocks do not wait for them
            if not _time_left() or not notices.announce(index):
                break
        if not _time_left() or index.number >= head or index.number == before:
            return index


def _record_fault(client: ChainClient, fault: IndexFault, why: str) -> bool:
    _log.warning("an index makes no progress", extra={"chain": client.spec.name, "fault": fault, "why": why})
    index = live.read_index(client.spec.name)
    if index is None:
        return True
    try:
        live.record_fault(index, fault)
    except Moved:
        return False
    return True
