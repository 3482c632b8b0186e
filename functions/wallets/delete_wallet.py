"""Delete a wallet: it is disabled now, and can be restored and exported for 30 days.

After that its key is destroyed if the wallet is still empty. `force` also closes its supplies and accepts that a
balance is left behind; it needs the owner in person. Nothing overrides what other users still rely on.
"""

from __future__ import annotations

from schemas.wallets import DeleteWallet
from shared import resources
from shared.auth import notices
from shared.domain.permissions import Caller
from shared.identity import step_up
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.sign_ins import enrolled
from shared.store.tables.wallets import mine, usable
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
    publishes=("supply-events", "account-events"),
)
def delete_wallet(request: DeleteWallet, caller: Caller) -> None:
    session = Session(resources.database().snapshot())
    if request.force:  # funds may be lost, so neither a program nor a stolen token is enough
        step_up.require_person(caller)
        wallet, second = session.read(mine(caller, request.wallet_id), enrolled(caller.user_id))
        step_up.require(caller, resources.clock().now(), enrolled=second)
    else:
        wallet = session.one(usable(caller, request.wallet_id))
    balance = False if request.force else deletion.holds_balance(wallet)
    commit(_delete, request, caller, balance)


def _delete(unit: UnitOfWork, request: DeleteWallet, caller: Caller, balance: bool) -> None:
    wallet = unit.one(usable(caller, request.wallet_id))
    unit.match(wallet)
    deletion.disable(unit, wallet, balance=balance, force=request.force)
    notices.record(unit, wallet.user_id, "wallet_deleted", wallet_id=wallet.id)
    unit.audit(wallet.id, force=request.force)
