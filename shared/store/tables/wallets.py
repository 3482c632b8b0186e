"""Wallets, their sealed keys, and the selection of the wallet for a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.permissions import Caller
from shared.domain.wallets.wallets import Wallet, only
from shared.store.session import Session
from shared.store.table import Index, Query, Table


@dataclass(frozen=True, slots=True)
class VaultKey:
    """A sealed seed or private key; only the signing services can open it."""

    id: str  # key_…
    purpose: str  # seed, private_key, kms_key
    sealed: bytes = field(repr=False)
    master_key_id: str
    version: int
    created_at: datetime
    updated_at: datetime


WALLETS = Table("wallets", Wallet, ("id",), documents=frozenset({"metadata"}))
# A disabled wallet has no `active_address`, so that its key can be used in a new wallet. The index stores the whole
# row, so that one read finds the caller's only wallet.
WALLETS_ACTIVE = Index(
    "wallets_active",
    WALLETS,
    ("user_id", "chain", "active_address"),
    unique=True,
    null_filtered=True,
    stored=WALLETS.columns,
)
WALLETS_BY_OWNER = Index(
    "wallets_by_owner",
    WALLETS,
    ("user_id", "created_at", "id"),
    frozenset({"created_at"}),
    stored=("chain", "type", "status"),
)
WALLETS_BY_TIME = Index(  # of all users
    "wallets_by_time",
    WALLETS,
    ("list_shard", "created_at", "id"),
    frozenset({"created_at"}),
    stored=("chain", "type", "status"),
)
WALLETS_BY_SEED = Index(
    "wallets_by_seed", WALLETS, ("key_id", "index"), frozenset({"index"}), unique=True, null_filtered=True
)
WALLETS_DISABLED = Index(
    "wallets_disabled",
    WALLETS,
    ("disabled_shard", "disabled_at", "id"),
    null_filtered=True,
    stored=("key_id",),
)
DISABLED_SHARDS = 4
VAULT_KEYS = Table("vault_keys", VaultKey, ("id",))
MANY = 100  # wallet ids to list in a refusal


def owned(caller: Caller, wallet_id: str) -> Query[Wallet]:
    """For reading: the active wallet, if the caller may see its owner's rows; otherwise NotFound."""
    return WALLETS.get(wallet_id).visible_if(
        lambda wallet: wallet.status == "active" and caller.sees(wallet.user_id)
    )


def usable(caller: Caller, wallet_id: str) -> Query[Wallet]:
    """For acting: the caller's active wallet, or anybody's if the caller acts for others; otherwise NotFound.

    Operators and administrators see every wallet but may use none of them."""
    return WALLETS.get(wallet_id).visible_if(
        lambda wallet: wallet.status == "active" and caller.acts_for(wallet.user_id)
    )


def mine(caller: Caller, wallet_id: str, *, deleted: bool = False) -> Query[Wallet]:
    """For actions that only the owner may take, even if others act for them: the caller's own active wallet, or a
    `deleted` one whose key still exists; otherwise NotFound."""
    statuses = ("active", "disabled") if deleted else ("active",)
    return WALLETS.get(wallet_id).visible_if(
        lambda wallet: wallet.status in statuses and wallet.user_id == caller.user_id
    )


def holding(session: Session, user_id: str, chain: str, address: str) -> list[Wallet]:
    """The user's active wallet with this address (EIP-55) on the chain, if there is one."""
    return session.follow(WALLETS, session.many(WALLETS_ACTIVE.scan(user_id, chain, address, limit=1)))


def resolve_wallet(session: Session, caller: Caller, wallet_id: str | None, chain: str) -> Wallet:
    """The wallet to act with: the named wallet, otherwise the caller's only wallet on the chain.

    Raises NotFound, and WalletRequired with `data.wallets` (at most 100 ids).
    """
    return session.one(chosen(caller, wallet_id, chain))


def chosen(caller: Caller, wallet_id: str | None, chain: str) -> Query[Wallet]:
    """`resolve_wallet` as a query, to be read together with other queries."""
    return _only(caller.user_id, chain) if wallet_id is None else usable(caller, wallet_id)


def _only(user_id: str, chain: str) -> Query[Wallet]:
    return WALLETS_ACTIVE.rows(user_id, chain, limit=MANY).then(lambda wallets: only(wallets, chain))


def accounts_of(session: Session, wallet: Wallet, limit: int = 0) -> list[Wallet]:
    """The accounts of the wallet's seed, including deleted ones, highest index first; or the wallet alone."""
    if wallet.index is None:
        return [wallet]
    return session.follow(WALLETS, session.many(WALLETS_BY_SEED.scan(wallet.key_id, limit=limit)))
