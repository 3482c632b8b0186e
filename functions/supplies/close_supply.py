"""Close a supply: what is available returns to the wallet. Refused while orders hold a part of it."""

from __future__ import annotations

from schemas.supplies import CloseSupply
from shared.commit import commit
from shared.desk import access, stock
from shared.domain import supplies as rules
from shared.identity.permissions import Caller
from shared.operation import http, message
from shared.store import supplies
from shared.store.unit import UnitOfWork


@http(
    "DELETE",
    "/supplies/{supply_id}",
    permission="supply:delete",
    request=CloseSupply,
    status=204,
    publishes=("supply-events",),
)
@message("supply-commands", type="supply.close", request=CloseSupply)
def close_supply(request: CloseSupply, caller: Caller) -> None:
    commit(_close, request, caller)


def _close(unit: UnitOfWork, request: CloseSupply, caller: Caller) -> None:
    supply = unit.one(supplies.by_id(request.supply_id))
    access.as_owner(caller, supply.user_id)
    unit.match(supply)
    stock.move(unit, [supply], [rules.close(supply, unit.now)])
