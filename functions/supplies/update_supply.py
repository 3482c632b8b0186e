"""Change a supply: its amount, expiry or metadata, or whether orders may reserve from it.

To raise or resume it, the wallet's balance on chain must cover it; otherwise 409.
"""

from __future__ import annotations

from datetime import datetime

from schemas.base import given
from schemas.supplies import Supply, UpdateSupply
from shared import resources
from shared.chain.balances import Balances
from shared.desk import authorization, timers
from shared.desk import supplies as desk_supplies
from shared.domain.desk import funds
from shared.domain.desk import supplies as rules
from shared.domain.desk.supplies import Moved
from shared.domain.keep import KEEP
from shared.domain.money import parse_amount
from shared.domain.permissions import Caller
from shared.funds import balances
from shared.runtime.errors import Contended
from shared.runtime.operation import http, message
from shared.store.session import Session
from shared.store.tables import metadata, supplies
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "PUT",
    "/supplies/{supply_id}",
    permission="supply:write",
    request=UpdateSupply,
    answer=Supply,
    needs=("chain",),
    publishes=("supply-events",),
)
@message("supply-commands", type="supply.update", request=UpdateSupply)
def update_supply(request: UpdateSupply, caller: Caller) -> Supply:
    return commit(_update, request, caller, _observe(request, caller))


def _observe(request: UpdateSupply, caller: Caller) -> Balances | None:
    """The balances on chain if the change, by the row as it is now, needs them; otherwise None."""
    if request.amount is None and request.status != "active":
        return None
    supply = Session(resources.database().snapshot()).one(supplies.by_id(request.supply_id))
    authorization.as_owner(caller, supply.user_id)
    after = _changed(request, supply, resources.clock().now()).supply
    return balances.observe(supply) if funds.needs_cover(supply, after) else None


def _update(unit: UnitOfWork, request: UpdateSupply, caller: Caller, observed: Balances | None) -> Supply:
    supply = unit.one(supplies.by_id(request.supply_id))
    authorization.as_owner(caller, supply.user_id)
    unit.match(supply)
    moved = _changed(request, supply, unit.now)
    if observed is None and funds.needs_cover(supply, moved.supply):
        raise Contended  # the supply has changed since `_observe`; a repeated call observes the balances
    if moved.supply.expires_at != supply.expires_at:
        unit.write(*timers.supply_expiry(moved.supply))
    desk_supplies.write(unit, [supply], [moved], observed)
    metadata.write_changes(unit, supply, moved.supply)
    return Supply.of(moved.supply)


def _changed(request: UpdateSupply, supply: rules.Supply, now: datetime) -> Moved:
    return rules.update(
        supply,
        now,
        amount=KEEP if request.amount is None else parse_amount(request.amount, supply.decimals),
        status=request.status or KEEP,
        **given(request, "expires_at", "metadata"),
    )
