"""Restore a deleted wallet while its key exists: for at least 30 days. Its supplies stay closed."""

from __future__ import annotations

from schemas.wallets import GetWallet, Wallet
from shared.auth import notices
from shared.domain.permissions import Caller
from shared.domain.wallets import wallets as rules
from shared.runtime.operation import http
from shared.store.tables.wallets import holding, mine
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/wallets/{wallet_id}/restore",
    permission="wallet:write",
    person=True,
    others="owner",
    request=GetWallet,
    answer=Wallet,
    publishes=("account-events",),
)
def restore_wallet(request: GetWallet, caller: Caller) -> Wallet:
    return commit(_restore, request, caller)


def _restore(unit: UnitOfWork, request: GetWallet, caller: Caller) -> Wallet:
    wallet = unit.one(mine(caller, request.wallet_id, deleted=True))
    unit.match(wallet)
    after = rules.restore(wallet, unit.now)
    rules.refuse_duplicate(
        holding(unit, wallet.user_id, wallet.chain, wallet.address), wallet.chain, wallet.address
    )
    unit.on_conflict(rules.WalletExists())
    unit.write(after)
    notices.record(unit, wallet.user_id, "wallet_restored", wallet_id=wallet.id)
    return Wallet.of(after)
