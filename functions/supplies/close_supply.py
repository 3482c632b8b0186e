"""Close a supply: the available amount is released to the wallet. Refused while orders reserve a part."""

from __future__ import annotations

from schemas.supplies import CloseSupply
from shared.desk import authorization
from shared.desk import supplies as desk_supplies
from shared.domain.desk import supplies as rules
from shared.domain.permissions import Caller
from shared.runtime.operation import http, message
from shared.store.tables import supplies
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


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
    authorization.as_owner(caller, supply.user_id)
    unit.match(supply)
    desk_supplies.write(unit, [supply], [rules.close(supply, unit.now)])
