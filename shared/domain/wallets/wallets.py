"""A wallet: an address whose key the product keeps. Key material is in the vault, never here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from shared.domain.errors import InvalidState, NotFound, Refusal

WalletType = Literal["hd", "imported"]
WalletStatus = Literal["active", "disabled", "shredded"]
_HARDENED = "'"  # ends a hardened step of a derivation path


class WalletExists(Refusal):
    """`data.wallet_id` is the caller's own wallet with that address."""

    code, status, message = "WALLET_EXISTS", 409, "You already have a wallet with this address."


class WalletRequired(Refusal):
    """`data.wallets` lists the ids of the caller's wallets on the chain."""

    code, status, message = "WALLET_REQUIRED", 422, "Name the wallet: you have none or several on this chain."

    @classmethod
    def among(cls, usable: Iterable[str]) -> WalletRequired:
        """The refusal for an owner with these wallets on the chain."""
        wallets = sorted(usable)
        said = (
            "Name one of your wallets on this chain as wallet_id; data.wallets lists them."
            if wallets
            else "You have no wallet on this chain; POST /wallets creates one."
        )
        return cls(said, wallets=wallets)


class WalletHasNoSeed(Refusal):
    code, status = "WALLET_HAS_NO_SEED", 409
    message = "The wallet was imported by its private key, so it has no further accounts."


class WalletInUse(Refusal):
    """`data.reason` says what still needs the wallet."""

    code, status, message = "WALLET_IN_USE", 409, "The wallet is still needed."


@dataclass(frozen=True, slots=True)
class Wallet:
    """The row of a wallet. (user_id, chain, address) is unique among active wallets; other users may have the same
    address."""

    id: str  # wal_…
    user_id: str
    name: str
    chain: str
    type: WalletType
    address: str  # EIP-55
    derivation_path: str | None  # None: imported by private key or keystore
    parent_id: str | None  # the wallet whose seed this account shares
    index: int | None  # account index on that seed
    key_id: str  # the vault record of the seed or key
    status: WalletStatus
    disabled_at: datetime | None  # deleted by its owner; the key is shredded 30 days later
    version: int
    created_at: datetime
    updated_at: datetime
    payout_gas: int | None = None  # the gas of a payout to it that was refused as too costly
    payout_gas_at: datetime | None = None
    unproven: bool | None = None  # made before the mailbox was proved, or by an API key; not confirmed yet
    metadata: dict[str, str] | None = None  # the owner's notes, never interpreted


def new_wallet(
    *,
    wallet_id: str,
    key_id: str,
    user_id: str,
    name: str,
    chain: str,
    address: str,
    path: str | None,
    now: datetime,
    parent_id: str | None = None,
    unproven: bool = False,
) -> Wallet:
    """A new wallet. With a `path` it is an account of a seed; the last step of the path is its index. `unproven`: no
    signed-in person created it or its seed."""
    return Wallet(
        id=wallet_id,
        user_id=user_id,
        name=name,
        chain=chain,
        type="hd" if path else "imported",
        address=address,
        derivation_path=path,
        parent_id=parent_id,
        index=int(path.rsplit("/", 1)[-1].rstrip("'")) if path else None,
        key_id=key_id,
        status="active",
        disabled_at=None,
        version=1,
        created_at=now,
        updated_at=now,
        unproven=unproven or None,
    )


def only(wallets: Iterable[Wallet], chain: str) -> Wallet:
    """The wallet to use when none is named: the only active one on the chain, without those that somebody else may
    have created (`unproven`). Raises WalletRequired."""
    usable = [wallet for wallet in wallets if wallet.chain == chain and wallet.status == "active"]
    trusted = [wallet for wallet in usable if not wallet.unproven]
    if len(trusted) != 1:
        raise WalletRequired.among(wallet.id for wallet in usable)
    return trusted[0]


def described(wallet: Wallet, name: str, metadata: dict[str, str] | None, now: datetime) -> Wallet:
    """The wallet with another name and other metadata; itself if nothing changes."""
    after = replace(wallet, name=name, metadata=metadata or None)
    return wallet if after == wallet else replace(after, version=wallet.version + 1, updated_at=now)


def mark_unproven(wallet: Wallet, now: datetime) -> Wallet:
    """The mailbox was proved after the wallet was created: whoever created it may know its key."""
    return replace(wallet, unproven=True, version=wallet.version + 1, updated_at=now)


def confirm(wallet: Wallet, now: datetime) -> Wallet:
    """The owner confirms that the wallet is theirs; unchanged if it needs no confirmation."""
    if not wallet.unproven:
        return wallet
    return replace(wallet, unproven=None, version=wallet.version + 1, updated_at=now)


def restore(wallet: Wallet, now: datetime) -> Wallet:
    """Reactivate a wallet that was deleted by mistake. Raises InvalidState if it was not deleted or its key is gone."""
    if wallet.status != "disabled":
        raise InvalidState(status=wallet.status)
    return replace(wallet, status="active", disabled_at=None, version=wallet.version + 1, updated_at=now)


def refuse_duplicate(wallets: Iterable[Wallet], chain: str, address: str) -> None:
    """Raises WalletExists if one of the caller's own active wallets has this address on the chain."""
    for wallet in wallets:
        if (wallet.chain, wallet.address, wallet.status) == (chain, address, "active"):
            raise WalletExists(wallet_id=wallet.id)


def next_account(newest: Wallet) -> str:
    """The path after the newest account's: its last step plus one. Deleted accounts also keep their index. Raises
    WalletHasNoSeed."""
    if newest.derivation_path is None or newest.index is None:
        raise WalletHasNoSeed
    base, _, last = newest.derivation_path.rpartition("/")
    return f"{base}/{newest.index + 1}{_HARDENED if last.endswith(_HARDENED) else ''}"


def require_active(wallet: Wallet) -> Wallet:
    """Return the wallet. Raises NotFound if its owner has deleted it."""
    if wallet.status != "active":
        raise NotFound
    return wallet


def disable(
    wallet: Wallet,
    now: datetime,
    *,
    reserved: bool,
    unfinished: bool,
    pays_in: bool,
    holds_value: bool,
    force: bool,
) -> Wallet:
    """Delete a wallet: it is disabled at once, the same commit closes its supplies, and its key is shredded later.

    `reserved`: a supply of it has a reservation; `unfinished`: a transaction of it is not final; `pays_in`: a live
    claim, or a failed one that may be retried, pays to it; `holds_value`: it has a balance or open supplies, which
    requires `force`. Raises WalletInUse, InvalidState (already disabled)."""
    if wallet.status != "active":
        raise InvalidState(status=wallet.status)
    reasons = {
        "supply_reserved": reserved,
        "transaction_unfinished": unfinished,
        "claim_pays_in": pays_in,
        "holds_value": holds_value and not force,
    }
    for reason, holds in reasons.items():
        if holds:
            raise WalletInUse(reason=reason)
    return replace(wallet, status="disabled", disabled_at=now, version=wallet.version + 1, updated_at=now)


def shred(wallet: Wallet, now: datetime) -> Wallet:
    """The wallet after its key was destroyed. Raises InvalidState unless its owner has deleted it."""
    if wallet.status != "disabled":
        raise InvalidState(status=wallet.status)
    return replace(wallet, status="shredded", version=wallet.version + 1, updated_at=now)


def kept(wallet: Wallet, now: datetime) -> Wallet:
    """A deleted wallet that is not empty: its key is kept for another period."""
    return replace(wallet, disabled_at=now, version=wallet.version + 1, updated_at=now)


def erased(wallet: Wallet) -> Wallet:
    """The wallet without its name and the owner's notes; its address stays in the books."""
    return replace(wallet, name="deleted", metadata=None)
