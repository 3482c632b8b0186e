"""Wallets, the sealed keys behind them, and which wallet a caller means."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.errors import NotFound
from shared.domain.wallets import Wallet, only
from shared.identity.permissions import Caller
from shared.store.session import Session
from shared.store.table import Index, Query, Table


@dataclass(frozen=True, slots=True)
class VaultKey:
    """A sealed seed or private key; only signers' services can open it."""

    id: str  # key_…
    purpose: str  # seed, private_key
    sealed: bytes = field(repr=False)
    master_key_id: str
    version: int
    created_at: datetime
    updated_at: datetime


WALLETS = Table("wallets", Wallet, ("id",))
# Disabled wallets have no `active_address`: a key may come back as a new wallet after its old one was deleted.
WALLETS_ACTIVE = Index(
    "wallets_active", WALLETS, ("user_id", "chain", "active_address"), unique=True, null_filtered=True
)
WALLETS_BY_OWNER = Index(
    "wallets_by_owner",
    WALLETS,
    ("user_id", "created_at", "id"),
    frozenset({"created_at"}),
    stored=("chain", "type", "status"),
)
VAULT_KEYS = Table("vault_keys", VaultKey, ("id",))
MANY = 100  # of the wallets that could be meant, so many are named


def owned(caller: Caller, wallet_id: str) -> Query[Wallet]:
    """To read: the active wallet, if the caller may see its owner's rows; else NotFound."""

    def check(wallet: Wallet) -> Wallet:
        if wallet.status != "active" or not caller.sees(wallet.user_id):
            raise NotFound
        return wallet

    return WALLETS.get(wallet_id).then(check)


def usable(caller: Caller, wallet_id: str) -> Query[Wallet]:
    """To act with: the active wallet of the caller, or of anybody if the caller acts for others; else NotFound.

    Operators see every wallet and may use none of them."""

    def check(wallet: Wallet) -> Wallet:
        if wallet.status != "active" or caller.subject(wallet.user_id) != wallet.user_id:
            raise NotFound
        return wallet

    return WALLETS.get(wallet_id).then(check)


def default_wallet(session: Session, user_id: str, chain: str) -> Wallet:
    """The user's only active wallet on the chain. Raises WalletRequired with `data.wallets` (at most 100 ids)."""
    entries = session.one(WALLETS_ACTIVE.scan(user_id, chain, limit=MANY))
    return only(session.follow(WALLETS, entries), chain)


def meant(session: Session, caller: Caller, wallet_id: str | None, chain: str) -> Wallet:
    """The wallet to act with: the named one, else the caller's only one on the chain.

    Raises NotFound, WalletRequired."""
    if wallet_id is not None:
        return session.one(usable(caller, wallet_id))
    return default_wallet(session, caller.user_id, chain)
