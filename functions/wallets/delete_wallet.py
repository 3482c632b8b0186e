"""Delete a wallet: disabled now, its key shredded after 30 days if it is still empty. `force` closes its
supplies and leaves a balance behind; nothing forces what others still rely on."""

from __future__ import annotations

from schemas.wallets import DeleteWallet
from shared import resources
from shared.domain.permissions import Caller
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.wallets import usable
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import deletion
from shared.writes.commit import commit


@http(
    "DELETE",
    "/wallets/{wallet_id}",
    permission="wallet:write",
    request=DeleteWallet,
    status=204,
    needs=("chain",),
    publishes=("supply-events",),
)
def delete_wallet(request: DeleteWallet, caller: Caller) -> None:
    wallet = Session(resources.database().snapshot()).one(usable(caller, request.wallet_id))
    balance = False if request.force else deletion.holds_balance(wallet)
    commit(_delete, request, caller, balance)


def _delete(unit: UnitOfWork, request: DeleteWallet, caller: Caller, balance: bool) -> None:
    wallet = unit.one(usable(caller, request.wallet_id))
    unit.match(wallet)
    deletion.disable(unit, wallet, balance=balance, force=request.force)
