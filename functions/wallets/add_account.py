"""Add the next account of a wallet's seed: the last step of the derivation path plus one, without gaps."""

from __future__ import annotations

from dataclasses import replace

from schemas.wallets import AddAccount, WalletAnswer
from shared import resources
from shared.domain.permissions import Caller
from shared.domain.wallets.wallets import Wallet, WalletHasNoSeed, new_wallet, next_account, refuse_duplicate
from shared.keys import accounts, hd
from shared.runtime.clock import new_id
from shared.runtime.errors import Contended
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables import metadata
from shared.store.tables.wallets import VAULT_KEYS, accounts_of, holding, usable
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import custody
from shared.writes.commit import commit

TRIES = 8  # more simultaneous calls for one seed may be refused


class IndexTaken(Contended):  # another call has added an account at this index in the meantime
    pass


@http(
    "POST",
    "/wallets/{wallet_id}/accounts",
    permission="wallet:write",
    request=AddAccount,
    answer=WalletAnswer,
    status=201,
    location="/wallets/{wallet[id]}",
    needs=("vault", "signer"),
)
def add_account(request: AddAccount, caller: Caller) -> WalletAnswer:
    session = Session(resources.database().snapshot())
    wallet = session.one(usable(caller, request.wallet_id))
    if wallet.derivation_path is None:
        raise WalletHasNoSeed
    seed = custody.opened(wallet, session.one(VAULT_KEYS.get(wallet.key_id)))
    for _ in range(TRIES):
        account = _next(wallet, seed, request.name, accounts_of(session, wallet, limit=1)[0])
        try:
            return commit(_add, request, caller, replace(account, metadata=request.metadata))
        except IndexTaken:
            continue
    raise Contended


def _next(wallet: Wallet, seed: bytes, name: str | None, newest: Wallet) -> Wallet:
    path = next_account(newest)
    return new_wallet(
        wallet_id=new_id("wal"),
        key_id=wallet.key_id,
        user_id=wallet.user_id,
        name=name or f"{wallet.name} {path.rpartition('/')[2]}"[:256],
        chain=wallet.chain,
        address=accounts.address_of(hd.derive(seed, path)),
        path=path,
        now=resources.clock().now(),
        parent_id=wallet.parent_id or wallet.id,
        unproven=bool(wallet.unproven),  # whoever knows the seed knows each account of it
    )


def _add(unit: UnitOfWork, request: AddAccount, caller: Caller, account: Wallet) -> WalletAnswer:
    unit.one(usable(caller, request.wallet_id))
    duplicates = holding(unit, account.user_id, account.chain, account.address)
    if not duplicates or duplicates[0].key_id != account.key_id:
        refuse_duplicate(duplicates, account.chain, account.address)
    unit.on_conflict(IndexTaken())
    unit.write(account, *metadata.entries(account))
    return WalletAnswer.of(account)
