"""List the caller's wallets, newest first; with `deleted`, those that can still be restored."""

from __future__ import annotations

from schemas.wallets import ListWallets, Wallet, WalletPage
from shared import resources
from shared.domain.permissions import Caller
from shared.reads import owned_lists
from shared.runtime.operation import http
from shared.store.tables.wallets import WALLETS_BY_OWNER


@http("GET", "/wallets", permission="wallet:read", request=ListWallets, answer=WalletPage)
def list_wallets(request: ListWallets, caller: Caller) -> WalletPage:
    rows, cursor = owned_lists.page(
        WALLETS_BY_OWNER,
        [caller.listed(request.user_id)],
        request,
        filters={
            "chain": resources.registry().named(request.chain),
            "type": request.type,
            "status": "disabled" if request.deleted else "active",
        },
    )
    return WalletPage(items=[Wallet.of(row) for row in rows], next_cursor=cursor)
