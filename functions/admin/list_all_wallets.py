"""List the wallets of all users, newest first, or only those with one address.

Deleted wallets are left out.
"""

from __future__ import annotations

from typing import Any

from schemas.operators import ListAllWallets
from schemas.wallets import Wallet, WalletPage
from shared import resources
from shared.domain.permissions import Caller
from shared.domain.wallets import wallets as rules
from shared.keys.addresses import parse_address
from shared.reads import by_status, pagination
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.contract_events import WALLETS_BY_ADDRESS
from shared.store.tables.wallets import WALLETS, WALLETS_BY_OWNER, WALLETS_BY_TIME

Rows = tuple[list[rules.Wallet], str | None]
HOLDERS = 100  # wallets of one address that are listed


@http("GET", "/admin/wallets", permission="admin:read", request=ListAllWallets, answer=WalletPage)
def list_all_wallets(request: ListAllWallets, caller: Caller) -> WalletPage:
    chain = resources.registry().named(request.chain)
    if request.address is not None:
        rows, cursor = _of_address(request, chain)
    elif request.user_id is not None:
        rows, cursor = _of_user(request, chain)
    else:
        rows, cursor = _all(request, chain)
    return WalletPage(items=[Wallet.of(row) for row in rows], next_cursor=cursor)


def _of_address(request: ListAllWallets, chain: str | None) -> Rows:
    session = Session(resources.database().snapshot())
    address = parse_address(request.address or "")
    held = session.follow(WALLETS, session.many(WALLETS_BY_ADDRESS.scan(address, limit=HOLDERS)))
    rows = [
        row
        for row in held
        if chain in (None, row.chain)
        and request.type in (None, row.type)
        and request.user_id in (None, row.user_id)
    ]
    return rows, None


def _wanted(request: ListAllWallets, chain: str | None) -> dict[str, Any]:
    return {"chain": chain, "type": request.type, "status": "active"}


def _of_user(request: ListAllWallets, chain: str | None) -> Rows:
    until = request.created_before
    return pagination.page(
        WALLETS_BY_OWNER,
        [request.user_id],
        limit=request.limit,
        cursor=request.cursor,
        filters=_wanted(request, chain),
        keep=lambda entry: until is None or bool(entry["created_at"] < until),
    )


def _all(request: ListAllWallets, chain: str | None) -> Rows:
    until = request.created_before
    start = (until,) if until else None
    wanted = {name: value for name, value in _wanted(request, chain).items() if value is not None}
    entries, cursor = pagination.page_over_shards(
        by_status.SHARDS,
        lambda shard, after, limit: WALLETS_BY_TIME.scan(shard, after=after or start, limit=limit),
        lambda entry: (entry["created_at"], entry["id"]),
        limit=request.limit,
        cursor=request.cursor,
        binding=["all wallets", str(until), sorted(wanted.items())],
        keep=lambda entry: pagination.fits(entry, wanted),
    )
    return Session(resources.database().snapshot()).follow(WALLETS, entries), cursor
