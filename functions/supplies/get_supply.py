"""Get one supply of the caller."""

from __future__ import annotations

from schemas.supplies import GetSupply, Supply
from shared.domain.permissions import Caller
from shared.reads.cached_read import Loaded, by_id
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables import supplies


@http(
    "GET",
    "/supplies/{supply_id}",
    permission="supply:read",
    request=GetSupply,
    answer=Supply,
)
def get_supply(request: GetSupply, caller: Caller) -> Supply:
    def load(session: Session) -> Loaded[Supply]:
        supply = session.one(supplies.by_id(request.supply_id))
        return Loaded(supply.user_id, supply.version, Supply.of(supply), lambda _: None)

    return by_id("supplies", request.supply_id, caller, Supply, load)
