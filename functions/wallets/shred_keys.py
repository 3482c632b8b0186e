"""Destroy the keys of wallets that were deleted 30 days ago and are empty; keep other keys for another 30 days."""

from __future__ import annotations

import logging

from shared import resources
from shared.chain.errors import ChainError
from shared.runtime.context import time_left
from shared.runtime.operation import schedule
from shared.store.session import Session
from shared.store.tables.wallets import DISABLED_SHARDS, WALLETS, WALLETS_DISABLED
from shared.wallets import deletion
from shared.writes.commit import commit

_log = logging.getLogger(__name__)
BATCH = 50  # wallets of each shard in one run
RESERVE_SECONDS = 10.0  # no new key is shredded when less than this is left before the deadline


@schedule(seconds=3600, cron="17 * * * *", needs=("chain",))
def shred_keys() -> None:
    before = resources.clock().now() - deletion.KEPT
    session = Session(resources.database().snapshot())
    due = session.read_all(
        WALLETS_DISABLED.scan(shard, upto=(before,), limit=BATCH) for shard in range(DISABLED_SHARDS)
    )
    shredded = sum(
        _shred(session, str(entry["id"])) for shard in due for entry in shard if time_left(RESERVE_SECONDS)
    )
    if any(due):
        _log.info("shredded", extra={"keys": shredded, "looked_at": sum(map(len, due))})


def _shred(session: Session, wallet_id: str) -> bool:
    wallet = session.maybe(WALLETS.find(wallet_id))
    if wallet is None:
        return False
    try:
        return commit(deletion.shred, wallet_id, deletion.empty_accounts(session, wallet))
    except ChainError as error:
        _log.warning(
            "a deleted wallet's balance is not known", extra={"wallet": wallet_id, "error": str(error)}
        )
        return False
