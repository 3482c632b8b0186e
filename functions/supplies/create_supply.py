"""Create a supply: commit an amount of a wallet's balance to pay orders.

The supply is pending until the balance has been checked on chain.
"""

from __future__ import annotations

from dataclasses import replace

from schemas.supplies import CreateSupply, Supply
from shared.desk import supplies, timers
from shared.desk.events import emit_supply
from shared.domain.desk import supplies as rules
from shared.domain.errors import InvalidValue
from shared.domain.money import Asset, parse_amount
from shared.domain.permissions import Caller
from shared.runtime.operation import http, message
from shared.store.tables import metadata, wallets
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/supplies",
    permission="supply:write",
    request=CreateSupply,
    answer=Supply,
    status=201,
    location="/supplies/{id}",
    publishes=("supply-events",),
)
@message("supply-commands", type="supply.create", request=CreateSupply)
def create_supply(request: CreateSupply, caller: Caller) -> Supply:
    asset = supplies.asset_of(request.chain, request.currency)
    amount = parse_amount(request.amount, asset.decimals)
    return commit(_create, request, caller, asset, amount)


def _create(unit: UnitOfWork, request: CreateSupply, caller: Caller, asset: Asset, amount: int) -> Supply:
    wallet = unit.one(wallets.chosen(caller, request.wallet_id, asset.chain))
    if wallet.chain != asset.chain:
        raise InvalidValue("wallet_id", f"must be a wallet on {asset.chain}")
    supply, entries = rules.create(
        supply_id=unit.new_id("sup"),
        user_id=wallet.user_id,
        wallet_id=wallet.id,
        address=wallet.address,
        asset=asset,
        amount=amount,
        expires_at=request.expires_at,
        now=unit.now,
    )
    supply = replace(supply, metadata=request.metadata)
    unit.write(
        supply,
        *entries,
        *metadata.entries(supply),
        *timers.supply_expiry(supply),
    )
    return emit_supply(unit, None, supply)
