"""List deposits to a wallet since its chain is indexed, newest first: coins and registered tokens.

Coins that a contract passes on within a transaction are not detected.
"""

from __future__ import annotations

from schemas.contract_events import DepositPage, ListDeposits, Received
from shared import resources
from shared.domain.permissions import Caller
from shared.reads import pagination
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.contract_events import CHAIN_INDEXES, DEPOSITS_BY_WALLET
from shared.store.tables.wallets import owned


@http(
    "GET",
    "/wallets/{wallet_id}/deposits",
    permission="wallet:read",
    request=ListDeposits,
    answer=DepositPage,
)
def list_deposits(request: ListDeposits, caller: Caller) -> DepositPage:
    session = Session(resources.database().snapshot())
    wallet = session.one(owned(caller, request.wallet_id))
    index = session.maybe(CHAIN_INDEXES.find(wallet.chain))
    rows, cursor = pagination.page(
        DEPOSITS_BY_WALLET, [wallet.id], limit=request.limit, cursor=request.cursor, filters={}
    )
    spec, final = resources.registry().chain(wallet.chain), index.final_number if index else -1
    return DepositPage(items=[Received.of(row, spec, final) for row in rows], next_cursor=cursor)
