"""Change the name and metadata of a wallet; its key and address never change."""

from __future__ import annotations

from schemas.base import given
from schemas.wallets import UpdateWallet, Wallet
from shared.domain.permissions import Caller
from shared.domain.wallets.wallets import described
from shared.runtime.operation import http
from shared.store.tables import metadata
from shared.store.tables.wallets import usable
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http("PUT", "/wallets/{wallet_id}", permission="wallet:write", request=UpdateWallet, answer=Wallet)
def update_wallet(request: UpdateWallet, caller: Caller) -> Wallet:
    return commit(_update, request, caller)


def _update(unit: UnitOfWork, request: UpdateWallet, caller: Caller) -> Wallet:
    wallet = unit.one(usable(caller, request.wallet_id))
    unit.match(wallet)
    notes = given(request, "metadata").get("metadata", wallet.metadata)
    after = described(wallet, request.name or wallet.name, notes, unit.now)
    if after != wallet:
        unit.write(after)
        metadata.write_changes(unit, wallet, after)
    return Wallet.of(after)
