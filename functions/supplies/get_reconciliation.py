"""Compare the books with themselves and with the chain; the answer lists all differences.

Compared are supplies with their ledgers, commitments of wallets with their supplies, and both with balances on chain.
"""

from __future__ import annotations

from schemas.reconciliation import Reconcile, Reconciliation
from shared import resources
from shared.desk import reconciliation
from shared.domain.permissions import Caller
from shared.reads import pagination
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.supplies import SUPPLIES

BINDING = ["reconciliation"]


@http(
    "GET",
    "/reconciliation",
    permission="admin:reconcile",
    request=Reconcile,
    answer=Reconciliation,
    needs=("chain",),
)
def get_reconciliation(request: Reconcile, caller: Caller) -> Reconciliation:
    after = pagination.decode(BINDING, request.cursor) if request.cursor else None
    session = Session(resources.database().snapshot(consistent=True))
    rows = session.many(SUPPLIES.scan(after=after, limit=request.limit + 1))
    page = rows[: request.limit]
    places = sorted({(row.address, row.chain) for row in page})
    return Reconciliation(
        supplies=len(page),
        addresses=len(places),
        differences=[*reconciliation.ledgers(session, page), *reconciliation.addresses(session, places)],
        next_cursor=pagination.encode(BINDING, [page[-1].id]) if len(rows) > len(page) else None,
    )
