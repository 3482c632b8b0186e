"""Get the receipt of a transaction with its logs; 404 until a block contains the transaction.

Until the transaction is `confirmed` or `reverted`, its block may still be replaced, and the receipt with it.
"""

from __future__ import annotations

from schemas.outcomes import LogEntry, Receipt
from schemas.transactions import GetTransaction
from shared import resources
from shared.domain.errors import NotFound
from shared.domain.permissions import Caller
from shared.engine import queries
from shared.runtime.operation import http
from shared.store.session import Session


@http(
    "GET",
    "/transactions/{transaction_id}/receipt",
    permission="transaction:read",
    request=GetTransaction,
    answer=Receipt,
    needs=("chain",),
)
def get_receipt(request: GetTransaction, caller: Caller) -> Receipt:
    session = Session(resources.database().snapshot())
    transaction, attempts = queries.read(session, caller, request.transaction_id)
    if transaction.mined_block_number is None:
        raise NotFound("No block holds the transaction yet.")
    success, logs, omitted = queries.outcome(session, transaction)
    return Receipt(
        transaction_id=transaction.id,
        chain=transaction.chain,
        hash=transaction.hash or "",
        block_number=transaction.mined_block_number,
        block_hash=transaction.mined_block_hash or "",
        confirmations=queries.view(transaction, attempts).confirmations,
        success=success,
        gas_used=transaction.gas_used or 0,
        effective_gas_price=str(transaction.effective_gas_price or 0),
        contract_address=transaction.contract_address,
        logs=[LogEntry.of(log) for log in logs],
        logs_omitted=omitted,
    )
