"""Confirm that a wallet is the caller's own, so that it may be used where a request names no wallet.

This is needed for wallets that were created by an API key, or before the account's e-mail address was proved.
"""

from __future__ import annotations

from schemas.wallets import GetWallet, Wallet
from shared.domain.permissions import Caller
from shared.domain.wallets import wallets as rules
from shared.identity import step_up
from shared.runtime.operation import http
from shared.store.tables.sign_ins import enrolled
from shared.store.tables.wallets import mine
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/wallets/{wallet_id}/confirm",
    permission="wallet:write",
    person=True,
    others="owner",
    request=GetWallet,
    answer=Wallet,
)
def confirm_wallet(request: GetWallet, caller: Caller) -> Wallet:
    return commit(_confirm, request, caller)


def _confirm(unit: UnitOfWork, request: GetWallet, caller: Caller) -> Wallet:
    wallet, second = unit.read(mine(caller, request.wallet_id), enrolled(caller.user_id))
    unit.match(wallet)
    step_up.require(caller, unit.now, enrolled=second)
    after = rules.confirm(wallet, unit.now)
    unit.write(after)
    unit.audit(wallet.id, before={"unproven": bool(wallet.unproven)}, after={"unproven": False})
    return Wallet.of(after)
