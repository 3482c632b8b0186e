"""Get the ledger of a supply, newest lines first, and its balances now or at a given time."""

from __future__ import annotations

from schemas.supplies import GetLedger, Ledger
from shared import resources
from shared.desk import ledger_history
from shared.domain.errors import NotFound
from shared.domain.permissions import Caller
from shared.reads import pagination
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables import supplies


@http("GET", "/supplies/{supply_id}/ledger", permission="supply:read", request=GetLedger, answer=Ledger)
def get_ledger(request: GetLedger, caller: Caller) -> Ledger:
    session = Session(resources.database().snapshot())
    supply = session.one(supplies.by_id(request.supply_id))
    if not caller.sees(supply.user_id):
        raise NotFound
    binding = ["ledger", supply.id, request.at]
    position = pagination.decode(binding, request.cursor) if request.cursor else None
    below = None if position is None else (int(position[0]), int(position[1]))
    lines, rest = ledger_history.page(session, supply, below=below, limit=request.limit, until=request.at)
    return Ledger.of(
        supply,
        lines,
        at=request.at,
        state=None if request.at is None else ledger_history.balances_at(session, supply, request.at),
        next_cursor=None if rest is None else pagination.encode(binding, rest),
    )
