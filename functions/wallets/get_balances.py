"""Get the balances of the native coin and of all registered tokens, read at one block."""

from __future__ import annotations

from schemas.wallets import Balance, Balances, GetBalances
from shared import resources
from shared.domain.permissions import Caller
from shared.funds import balances
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.wallets import owned


@http(
    "GET",
    "/wallets/{wallet_id}/balances",
    permission="wallet:read",
    request=GetBalances,
    answer=Balances,
    needs=("chain",),
)
def get_balances(request: GetBalances, caller: Caller) -> Balances:
    wallet = Session(resources.database().snapshot()).one(owned(caller, request.wallet_id))
    held, block = balances.of_registry(resources.chain(wallet.chain), wallet.address)
    return Balances(items=[Balance.of(asset, amount, block) for asset, amount in held])
