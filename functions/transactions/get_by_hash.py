"""Get the caller's transaction by the hash of any of its attempts, whichever one was mined."""

from __future__ import annotations

from schemas.transactions import Transaction, TransactionByHash
from shared import resources
from shared.domain.errors import NotFound
from shared.domain.permissions import Caller
from shared.engine import queries
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.transactions import ATTEMPTS_BY_HASH


@http(
    "GET",
    "/transactions/by-hash/{chain}/{hash}",
    permission="transaction:read",
    request=TransactionByHash,
    answer=Transaction,
    needs=("chain",),
)
def get_by_hash(request: TransactionByHash, caller: Caller) -> Transaction:
    session = Session(resources.database().snapshot())
    entries = session.many(ATTEMPTS_BY_HASH.scan(request.hash.lower(), limit=1))
    if not entries:
        raise NotFound
    transaction, attempts = queries.read(session, caller, entries[0]["transaction_id"])
    if transaction.chain != request.chain:
        raise NotFound
    return queries.view(transaction, attempts)
