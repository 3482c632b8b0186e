"""How a wallet's secret is sealed into its vault row and opened from it: one place for what a seal is bound to.

The accounts of one seed share the vault row of the root wallet (the one without a parent) and its binding.
`opened` is for functions declared with `needs=("signer",)`; sealing needs `("vault",)`.
"""

from __future__ import annotations

from typing import Literal

from shared import resources
from shared.domain.wallets import Wallet
from shared.keys.errors import KeyFault, SealBroken
from shared.keys.vault import Binding, SealedKey
from shared.store.wallets import VaultKey


class WrongKey(KeyFault):
    """The stored key does not belong to the wallet's address."""


Purpose = Literal["seed", "private_key"]


def binding(user_id: str, root_id: str, purpose: str) -> Binding:
    """What the secret of a root wallet is bound to."""
    return Binding(tenant=user_id, wallet_id=root_id, purpose=purpose, key_version=1)


def sealed(wallet: Wallet, secret: bytes, purpose: Purpose) -> VaultKey:
    """The row for the secret of a new root wallet. Calls the vault: do it before the transaction."""
    made = wallet.created_at
    found = resources.vault().seal(secret, binding(wallet.user_id, wallet.id, purpose))
    return VaultKey(wallet.key_id, purpose, found.to_bytes(), found.master_key_id, 1, made, made)


def opened(wallet: Wallet, key: VaultKey) -> bytes:
    """The secret behind a wallet: a seed of 64 bytes or a private key of 32. Calls the vault.

    Raises SealBroken for a row that was not sealed for this wallet."""
    bound = binding(wallet.user_id, wallet.parent_id or wallet.id, key.purpose)
    return resources.vault().open(SealedKey.from_bytes(key.sealed), bound)


def private_key(wallet: Wallet, key: VaultKey) -> bytes:
    """The wallet's private key, derived along its path when the row holds a seed.

    Raises KeyFault (a broken seal, the key of another address), VaultUnavailable (503)."""
    from shared.keys.accounts import address_of
    from shared.keys.hd import derive

    secret = opened(wallet, key)
    if key.purpose == "seed":
        if wallet.derivation_path is None:
            raise SealBroken("a wallet of a seed has no derivation path")
        secret = derive(secret, wallet.derivation_path)
    if address_of(secret) != wallet.address:
        raise WrongKey("the stored key is of another address than the wallet")
    return secret
