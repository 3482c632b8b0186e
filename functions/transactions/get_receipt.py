"""The receipt of a transaction that a block holds, with its logs; 404 until then."""

from __future__ import annotations

from schemas.transactions import GetTransaction, LogEntry, Receipt
from shared import resources
from shared.domain.errors import NotFound
from shared.engine import showing
from shared.identity.permissions import Caller
from shared.operation import http
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
    transaction, attempts = showing.read(session, caller, request.transaction_id)
    if transaction.mined_block_number is None or transaction.hash is None:
        raise NotFound("No block holds the transaction yet.")
    found = resources.chain(transaction.chain).receipt(transaction.hash)
    if found is None:
        raise NotFound("No block holds the transaction at the moment.")
    return Receipt(
        transaction_id=transaction.id,
        chain=transaction.chain,
        hash=found.hash,
        block_number=found.block_number,
        block_hash=found.block_hash,
        confirmations=showing.view(transaction, attempts).confirmations,
        success=found.success,
        gas_used=found.gas_used,
        effective_gas_price=str(found.effective_gas_price),
        contract_address=found.contract_address,
        logs=[LogEntry.of(log) for log in found.logs],
    )
