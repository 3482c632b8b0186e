"""Index every configured chain block by block: events of followed contracts and deposits to wallets.

Started each minute in production, where it continues at block time; locally each start is one pass. If two run at
once, one of them stops: every commit compares the version of the index.
"""

from __future__ import annotations

import logging

from shared import resources
from shared.contracts.events import run
from shared.runtime.operation import schedule
from shared.runtime.parallel import run_each

_log = logging.getLogger(__name__)


@schedule(seconds=1, needs=("chain",), publishes=("contract-events", "wallet-events"))
def index_chain() -> None:
    chains = sorted(resources.settings().rpc_urls)
    run_each(_index, chains, threads=len(chains))


def _index(chain: str) -> None:
    try:
        run.run(chain, once=resources.settings().local)
    except Exception:
        _log.exception("a chain was not indexed", extra={"chain": chain})
