"""Speed up a transaction that is not mined yet: send another attempt with the same nonce and higher fees."""

from __future__ import annotations

from schemas.transactions import ReplaceTransaction, Transaction
from shared import resources
from shared.domain.permissions import Caller
from shared.domain.transactions import attempts as attempt_rules
from shared.engine import batch as engine_batch
from shared.engine import more_gas, queries
from shared.engine.more_gas import MoreGas
from shared.runtime.operation import SELF, http, message
from shared.store.session import Session
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import policy_denials
from shared.writes.commit import commit


@http(
    "POST",
    "/transactions/{transaction_id}/speed-up",
    permission=SELF,
    proven=True,
    others="admin:replace",
    request=ReplaceTransaction,
    answer=Transaction,
    needs=("chain",),
    publishes=("transaction-events",),
)
@message("transaction-commands", type="transaction.speed_up", request=ReplaceTransaction)
def speed_up_transaction(request: ReplaceTransaction, caller: Caller) -> Transaction:
    session = Session(resources.database().snapshot())
    transaction, attempts = queries.replaceable(session, caller, request.transaction_id)
    more = more_gas.needed(transaction, attempts, undo=False)
    with policy_denials.audited(transaction.wallet_id):
        return commit(_speed_up, request, caller, more)


def _speed_up(
    unit: UnitOfWork, request: ReplaceTransaction, caller: Caller, more: MoreGas | None
) -> Transaction:
    transaction, attempts = queries.replaceable(unit, caller, request.transaction_id)
    unit.match(transaction)
    batch = engine_batch.Batch.of(transaction, attempts)
    caps = resources.registry().chain(transaction.chain).caps
    transaction = more_gas.book(unit, transaction, more, undo=False)
    after = attempt_rules.hasten(transaction, attempts[-1] if attempts else None, caps, unit.now)
    batch.change(unit, after)
    return batch.request_replacement(unit, after)
