"""Import a wallet from a private key, a mnemonic or a keystore file.

The cost of a keystore's key derivation is checked before it is run.
"""

from __future__ import annotations

from dataclasses import replace

from schemas.wallets import ImportWallet, WalletAnswer
from shared import resources
from shared.chain.registry import ChainSpec
from shared.domain.permissions import Caller
from shared.domain.wallets.wallets import Wallet, WalletExists, new_wallet, refuse_duplicate
from shared.keys import accounts, hd, mnemonic
from shared.runtime.clock import new_id
from shared.runtime.operation import http
from shared.store.tables import metadata
from shared.store.tables.wallets import VaultKey, holding
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import custody
from shared.writes.commit import commit


@http(
    "POST",
    "/wallets/import",
    permission="wallet:write",
    others="owner",
    request=ImportWallet,
    answer=WalletAnswer,
    status=201,
    location="/wallets/{wallet[id]}",
    needs=("vault",),
)
def import_wallet(request: ImportWallet, caller: Caller) -> WalletAnswer:
    chain = resources.registry().chain(request.chain or resources.settings().default_chain)
    purpose, secret, path = _secret(request, chain)
    wallet = new_wallet(
        wallet_id=new_id("wal"),
        key_id=new_id("key"),
        user_id=caller.user_id,
        name=request.name,
        chain=chain.name,
        address=accounts.address_of(hd.derive(secret, path) if path else secret),
        path=path,
        now=resources.clock().now(),
        unproven=caller.kind == "api_key",  # whoever has the key may know the secret
    )
    wallet = replace(wallet, metadata=request.metadata)
    key = custody.sealed(wallet, secret, purpose)
    return commit(_import, wallet, key)


def _secret(request: ImportWallet, chain: ChainSpec) -> tuple[custody.Purpose, bytes, str | None]:
    """The purpose and bytes of the secret to seal and, for a seed, the account's path. Raises the refusals of each
    format."""
    if request.mnemonic is not None:
        path = hd.normalised_path(request.derivation_path or chain.path(0))
        return "seed", mnemonic.to_seed(request.mnemonic.get_secret_value()), path
    if request.private_key is not None:
        return "private_key", accounts.parse_private_key(request.private_key.get_secret_value()), None
    from shared.keys import keystore

    assert request.keystore is not None and request.passphrase is not None
    return "private_key", keystore.decrypt(request.keystore, request.passphrase.get_secret_value()), None


def _import(unit: UnitOfWork, wallet: Wallet, key: VaultKey) -> WalletAnswer:
    refuse_duplicate(
        holding(unit, wallet.user_id, wallet.chain, wallet.address), wallet.chain, wallet.address
    )
    unit.on_conflict(WalletExists())
    unit.write(wallet, key, *metadata.entries(wallet))
    return WalletAnswer.of(wallet)
