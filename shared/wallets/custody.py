"""Seal a wallet's secret into its vault row and open it again; only this module decides what a seal is bound to.

The accounts of one seed share the vault row of the root wallet (the one without a parent) and its binding. Only
operations declared with `needs=("signer",)` may open a secret: this module refuses all others, and in production they
have no right to decrypt. Sealing needs `("vault",)`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from shared import resources
from shared.domain.errors import Refusal
from shared.domain.wallets.wallets import Wallet
from shared.keys.errors import KeyFault, SealBroken
from shared.keys.vault import Binding, SealedKey
from shared.runtime.context import current_or_none
from shared.store.tables.wallets import VaultKey

if TYPE_CHECKING:
    from shared.keys.accounts import Signer


class WrongKey(KeyFault):
    """The stored key does not belong to the wallet's address."""


class NotASigner(KeyFault):
    """An operation that is not declared as a signer tried to open a key."""


class KeyStaysInKms(Refusal):
    code, status = "KEY_STAYS_IN_KMS", 409
    message = "This wallet's key stays in Cloud KMS: it can only sign transactions."


Purpose = Literal["seed", "private_key", "kms_key"]


def binding(user_id: str, root_id: str, purpose: str) -> Binding:
    """The binding of a root wallet's secret."""
    return Binding(tenant=user_id, wallet_id=root_id, purpose=purpose, key_version=1)


def sealed(wallet: Wallet, secret: bytes, purpose: Purpose) -> VaultKey:
    """The vault row for the secret of a new root wallet. Calls the vault, so call this before the transaction."""
    made = wallet.created_at
    seal = resources.vault().seal(secret, binding(wallet.user_id, wallet.id, purpose))
    return VaultKey(wallet.key_id, purpose, seal.to_bytes(), seal.master_key_id, 1, made, made)


def enrolled(wallet: Wallet, key_version: str, public_key: bytes) -> VaultKey:
    """The vault row for a key that stays in Cloud KMS. The key's name is sealed, so that no other wallet can use it."""
    named = json.dumps({"key_version": key_version, "public_key": public_key.hex()})
    return sealed(wallet, named.encode(), "kms_key")


def open_sealed(stored: bytes, bound: Binding) -> bytes:
    """Open the value of a sealed column. Calls the vault.

    Raises NotASigner, SealBroken, MasterKeyMissing, VaultUnavailable (503)."""
    context = current_or_none()
    if context is not None and not context.rights.signs:
        raise NotASigner(f"{context.operation} is not declared as a signer")
    return resources.vault().open(SealedKey.from_bytes(stored), bound)


def opened(wallet: Wallet, key: VaultKey) -> bytes:
    """The secret behind a wallet: a seed of 64 bytes or a private key of 32. Calls the vault.

    Raises NotASigner, and SealBroken if the row was not sealed for this wallet."""
    return open_sealed(key.sealed, binding(wallet.user_id, wallet.parent_id or wallet.id, key.purpose))


def signer(wallet: Wallet, key: VaultKey) -> Signer:
    """The signer of the wallet's transactions: its key in memory, or Cloud KMS.

    Raises KeyFault (a broken seal, the key of another address), VaultUnavailable (503)."""
    from shared.keys.accounts import KeySigner

    if key.purpose != "kms_key":
        return KeySigner(private_key(wallet, key))
    from shared.keys.kms_vault import KmsTreasurySigner

    named = json.loads(opened(wallet, key))
    treasury = KmsTreasurySigner(named["key_version"], bytes.fromhex(named["public_key"]), resources.kms())
    if treasury.address != wallet.address:
        raise WrongKey("the enrolled key is of another address than the wallet")
    return treasury


def private_key(wallet: Wallet, key: VaultKey) -> bytes:
    """The wallet's private key, derived along its path if the row holds a seed.

    Raises KeyStaysInKms, KeyFault (a broken seal, the key of another address), VaultUnavailable (503)."""
    from shared.keys.accounts import address_of
    from shared.keys.hd import derive

    if key.purpose == "kms_key":
        raise KeyStaysInKms
    secret = opened(wallet, key)
    if key.purpose == "seed":
        if wallet.derivation_path is None:
            raise SealBroken("a wallet of a seed has no derivation path")
        secret = derive(secret, wallet.derivation_path)
    if address_of(secret) != wallet.address:
        raise WrongKey("the stored key is of another address than the wallet")
    return secret
