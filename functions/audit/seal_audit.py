"""Seal recent rows of the audit log into its hash chains.

Rows are sealed once they are half a minute old, and at most two minutes after they were written.
"""

from __future__ import annotations

import logging

from shared import resources
from shared.runtime.operation import schedule
from shared.store import audit_chain
from shared.store.port import AlreadyExists
from shared.store.session import Session
from shared.store.tables.system import AUDIT_SHARDS

_log = logging.getLogger(__name__)


@schedule(seconds=60)
def seal_audit() -> None:
    session = Session(resources.database().snapshot())
    now = resources.clock().now()
    for shard in range(AUDIT_SHARDS):
        for seal in audit_chain.seal(session, shard, now):
            try:
                resources.database().write([audit_chain.SEALS.write("insert", seal)])
            except AlreadyExists:  # another sealer was first; the next run goes on from its seal
                break
            if seal.rows:
                _log.info(
                    "audit sealed",
                    extra={"shard": shard, "seq": seal.seq, "rows": seal.rows, "digest": seal.digest},
                )
