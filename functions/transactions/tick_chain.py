"""Drive the unfinished transactions of every configured chain: outcomes, reorganisations, rebroadcasts, queues.

Started each minute in production, where it continues at block time under a lease while there is work; locally each
start is one pass. It needs no message and no memory: every transaction that is not final has a due time in its
row.
"""

from __future__ import annotations

import logging

from shared import resources
from shared.domain.event_types import PAYMENT_TOPICS
from shared.engine import tick
from shared.runtime.operation import schedule
from shared.runtime.parallel import run_each

_log = logging.getLogger(__name__)
LEASE_SECONDS = 20.0
LOCAL_LEASE_SECONDS = 3.0  # a local pass is short, and a killed process must not hold up the next one


@schedule(seconds=1, needs=("chain", "signer"), publishes=PAYMENT_TOPICS)
def tick_chain() -> None:
    chains = sorted(resources.settings().rpc_urls)
    run_each(_drive, chains, threads=len(chains))


def _drive(chain: str) -> None:
    local = resources.settings().local
    seconds = LOCAL_LEASE_SECONDS if local else LEASE_SECONDS
    try:
        tick.run(chain, lease_seconds=seconds, once=local)
    except Exception:
        _log.exception("a chain was not driven", extra={"chain": chain})
