"""Offer more for a transaction that no block holds: what is fast now, by another attempt on its nonce."""

from __future__ import annotations

from schemas.transactions import ReplaceTransaction, Transaction
from shared import resources
from shared.commit import commit
from shared.domain import tx_attempts
from shared.engine import access, changes
from shared.identity.permissions import Caller
from shared.operation import SELF, http, message
from shared.store.unit import UnitOfWork


@http(
    "POST",
    "/transactions/{transaction_id}/speed-up",
    permission=SELF,
    request=ReplaceTransaction,
    answer=Transaction,
    publishes=("transaction-events",),
)
@message("transaction-commands", type="transaction.speed_up", request=ReplaceTransaction)
def speed_up_transaction(request: ReplaceTransaction, caller: Caller) -> Transaction:
    return commit(_speed_up, request, caller)


def _speed_up(unit: UnitOfWork, request: ReplaceTransaction, caller: Caller) -> Transaction:
    found, attempts = access.replaceable(unit, caller, request.transaction_id)
    unit.match(found)
    batch = changes.Batch.of(found, attempts)
    caps = resources.registry().chain(found.chain).caps
    after = tx_attempts.hasten(found, attempts[-1] if attempts else None, caps, unit.now)
    batch.change(unit, after)
    return batch.ask_replacement(unit, after)
