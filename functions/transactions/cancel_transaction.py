"""Ask for a transaction to be undone: at once while it has no nonce, else by a no-op on its nonce.

Which of both a block holds decides; the answer says what was asked, not what will be mined. A transaction whose
nonce was provably used by a foreign sender is given up here, for good.
"""

from __future__ import annotations

from schemas.transactions import ReplaceTransaction, Transaction
from shared import resources
from shared.commit import commit
from shared.domain import tx_attempts, tx_outcome
from shared.domain.tx_outcome import ForeignProof
from shared.engine import access, changes, lanes
from shared.identity.permissions import Caller
from shared.operation import SELF, http, message
from shared.store.session import Session
from shared.store.transactions import LANES
from shared.store.unit import UnitOfWork

EVENTS = ("transaction-events", "claim-events", "order-events", "supply-events")


@http(
    "POST",
    "/transactions/{transaction_id}/cancel",
    permission=SELF,
    request=ReplaceTransaction,
    answer=Transaction,
    needs=("chain",),
    publishes=EVENTS,
)
@message("transaction-commands", type="transaction.cancel", request=ReplaceTransaction)
def cancel_transaction(request: ReplaceTransaction, caller: Caller) -> Transaction:
    session = Session(resources.database().snapshot())
    found, attempts = access.replaceable(session, caller, request.transaction_id)
    proof = lanes.proven_foreign(found, attempts) if found.blocked_reason == "FOREIGN_NONCE" else None
    return commit(_cancel, request, caller, proof)


def _cancel(
    unit: UnitOfWork, request: ReplaceTransaction, caller: Caller, proof: ForeignProof | None
) -> Transaction:
    found, attempts = access.replaceable(unit, caller, request.transaction_id)
    unit.match(found)
    batch = changes.Batch.of(found, attempts)
    if proof is not None and found.blocked_reason == "FOREIGN_NONCE":
        after = tx_outcome.concede(found, attempts, proof, unit.now)
        lanes.release(unit, unit.one(LANES.get(found.lane_id)))
    else:
        after = tx_attempts.undo(found, "cancelled", unit.now)
    batch.change(unit, after)
    return batch.ask_replacement(unit, after)
