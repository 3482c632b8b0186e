"""Create a wallet from a new random seed. The mnemonic is shown only in this answer and not stored."""

from __future__ import annotations

from dataclasses import replace

from schemas.wallets import CreatedWallet, CreateWallet
from shared import resources
from shared.domain.permissions import Caller
from shared.domain.wallets.wallets import Wallet, new_wallet
from shared.keys import accounts, hd, mnemonic
from shared.runtime.clock import new_id
from shared.runtime.operation import http
from shared.store.tables import metadata
from shared.store.tables.wallets import VaultKey
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import custody
from shared.writes.commit import commit


@http(
    "POST",
    "/wallets",
    permission="wallet:write",
    others="owner",
    request=CreateWallet,
    answer=CreatedWallet,
    status=201,
    location="/wallets/{wallet[id]}",
    needs=("vault",),
)
def create_wallet(request: CreateWallet, caller: Caller) -> CreatedWallet:
    chain = resources.registry().chain(request.chain or resources.settings().default_chain)
    words = mnemonic.generate(request.strength)
    seed, path = mnemonic.to_seed(words), chain.path(0)
    wallet = new_wallet(
        wallet_id=new_id("wal"),
        key_id=new_id("key"),
        user_id=caller.user_id,
        name=request.name,
        chain=chain.name,
        address=accounts.address_of(hd.derive(seed, path)),
        path=path,
        now=resources.clock().now(),
        unproven=caller.kind == "api_key",  # whoever has the key may know the secret
    )
    wallet = replace(wallet, metadata=request.metadata)
    key = custody.sealed(wallet, seed, "seed")
    return commit(_create, wallet, key, words)


def _create(unit: UnitOfWork, wallet: Wallet, key: VaultKey, words: str) -> CreatedWallet:
    unit.check_caller()  # an ended sign-in must not create a wallet whose mnemonic somebody else knows
    unit.write(wallet, key, *metadata.entries(wallet))
    return CreatedWallet.of(wallet, words)
