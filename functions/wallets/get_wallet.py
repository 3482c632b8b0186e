"""Get one wallet, without key material."""

from __future__ import annotations

from schemas.wallets import GetWallet, Wallet
from shared import resources
from shared.domain.permissions import Caller
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.wallets import owned


@http("GET", "/wallets/{wallet_id}", permission="wallet:read", request=GetWallet, answer=Wallet)
def get_wallet(request: GetWallet, caller: Caller) -> Wallet:
    session = Session(resources.database().snapshot())
    return Wallet.of(session.one(owned(caller, request.wallet_id)))
