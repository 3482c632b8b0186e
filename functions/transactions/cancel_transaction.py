"""Cancel a transaction: at once while it has no nonce, otherwise by sending a no-op with the same nonce.

Which of the two a block contains decides; the answer says what was requested, not what will be mined. If it is proved
that a foreign transaction used the nonce, this ends the transaction for good.
"""

from __future__ import annotations

from schemas.transactions import ReplaceTransaction, Transaction
from shared import resources
from shared.domain.event_types import PAYMENT_TOPICS
from shared.domain.permissions import Caller
from shared.domain.transactions import attempts as attempt_rules
from shared.domain.transactions import outcome
from shared.engine import batch as engine_batch
from shared.engine import more_gas, nonce_sync, queries
from shared.engine.more_gas import MoreGas
from shared.engine.nonce_sync import Loss
from shared.runtime.operation import SELF, http, message
from shared.store.session import Session
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/transactions/{transaction_id}/cancel",
    permission=SELF,
    proven=True,
    others="admin:replace",
    request=ReplaceTransaction,
    answer=Transaction,
    needs=("chain",),
    publishes=PAYMENT_TOPICS,
)
@message("transaction-commands", type="transaction.cancel", request=ReplaceTransaction)
def cancel_transaction(request: ReplaceTransaction, caller: Caller) -> Transaction:
    session = Session(resources.database().snapshot())
    transaction, attempts = queries.replaceable(session, caller, request.transaction_id)
    foreign = transaction.blocked_reason == "FOREIGN_NONCE"
    lost = nonce_sync.proven_loss(transaction, attempts) if foreign else None
    more = None if lost else more_gas.needed(transaction, attempts, undo=True)
    return commit(_cancel, request, caller, lost, more)


def _cancel(
    unit: UnitOfWork,
    request: ReplaceTransaction,
    caller: Caller,
    lost: Loss | None,
    more: MoreGas | None,
) -> Transaction:
    transaction, attempts = queries.replaceable(unit, caller, request.transaction_id)
    unit.match(transaction)
    batch = engine_batch.Batch.of(transaction, attempts)
    if lost is not None and transaction.blocked_reason == "FOREIGN_NONCE":
        after = outcome.concede(transaction, attempts, lost.proof, unit.now)
        nonce_sync.resume(unit, transaction.lane_id, "FOREIGN_NONCE", lost.others)
    else:
        after = attempt_rules.undo(more_gas.book(unit, transaction, more, undo=True), "cancelled", unit.now)
    batch.change(unit, after)
    return batch.request_replacement(unit, after)
