"""Get the balance of the native coin or of a token, with the number of the newest block it was read at."""

from __future__ import annotations

from schemas.wallets import Balance, GetBalance
from shared import resources
from shared.contracts import read_slots
from shared.domain.permissions import Caller
from shared.funds import balances
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.wallets import owned


@http(
    "GET",
    "/wallets/{wallet_id}/balance",
    permission="wallet:read",
    request=GetBalance,
    answer=Balance,
    needs=("chain",),
)
def get_balance(request: GetBalance, caller: Caller) -> Balance:
    wallet = Session(resources.database().snapshot()).one(owned(caller, request.wallet_id))
    chain = resources.chain(wallet.chain)
    if request.token_address is None:
        amount, block = chain.balance(wallet.address)
        return Balance.of(chain.spec.native, amount, block)
    with read_slots.held(caller):
        asset = balances.token(chain, request.token_address)
        amount, block = balances.of_token(chain, asset, wallet.address)
    return Balance.of(asset, amount, block)
