"""Delete wallets: check what still needs one, disable it, and shred its key a month later."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from shared import resources
from shared.chain.registry import UnknownChain
from shared.desk import supplies as desk_supplies
from shared.domain.desk import supplies as supply_rules
from shared.domain.desk.supplies import Supply
from shared.domain.wallets import wallets as rules
from shared.domain.wallets.wallets import Wallet
from shared.funds import balances
from shared.store.session import Session
from shared.store.tables.claims import CLAIMS_BY_WALLET
from shared.store.tables.supplies import SUPPLIES_BY_WALLET, by_ids
from shared.store.tables.transactions import TRANSACTIONS_BY_WALLET_OPEN
from shared.store.tables.wallets import VAULT_KEYS, WALLETS, accounts_of
from shared.store.unit_of_work import UnitOfWork

KEPT = timedelta(days=30)  # how long the key of a deleted wallet is kept
ENDED = ("closed", "rejected")


def holds_balance(wallet: Wallet) -> bool:
    """Whether the wallet's address holds coins or registry tokens now; True if its chain is not served any more.

    Asks the chain. Raises ChainError."""
    try:
        held, _ = balances.of_registry(resources.chain(wallet.chain), wallet.address)
    except UnknownChain:
        return True
    return any(amount for _, amount in held)


def disable(unit: UnitOfWork, wallet: Wallet, *, balance: bool, force: bool) -> Wallet:
    """Delete a wallet and close its supplies, in this commit. Raises WalletInUse, InvalidState."""
    entries, sending, paid = unit.read(
        SUPPLIES_BY_WALLET.scan(wallet.id),
        TRANSACTIONS_BY_WALLET_OPEN.scan(wallet.id, limit=1),
        CLAIMS_BY_WALLET.scan(wallet.id, limit=1),
    )
    supplies = _open(unit, [entry["supply_id"] for entry in entries if entry["status"] not in ENDED])
    after = rules.disable(
        wallet,
        unit.now,
        reserved=any(supply.reserved for supply in supplies),
        unfinished=bool(sending),
        pays_in=bool(paid),
        holds_value=balance or bool(supplies),
        force=force,
    )
    desk_supplies.write(unit, supplies, [supply_rules.close(supply, unit.now) for supply in supplies])
    unit.write(after)
    return after


def _open(unit: UnitOfWork, supply_ids: Iterable[str]) -> list[Supply]:
    ids = list(supply_ids)
    supplies = unit.many(by_ids(ids)) if ids else []
    return [supply for supply in supplies if supply.status not in ENDED]


def empty_accounts(session: Session, wallet: Wallet) -> frozenset[str]:
    """The ids of those wallets with this wallet's key that hold nothing now. Asks the chain. Raises ChainError."""
    return frozenset(one.id for one in accounts_of(session, wallet) if not holds_balance(one))


def shred(unit: UnitOfWork, wallet_id: str, empty: frozenset[str]) -> bool:
    """Delete the vault row of a wallet if every wallet with its key was deleted a month ago and is `empty`.

    Otherwise the wallet is checked again after another month: a seed is kept as long as one of its accounts needs it.
    """
    wallet = unit.maybe(WALLETS.find(wallet_id))
    if wallet is None or not _due(wallet, unit.now):
        return False
    accounts = accounts_of(unit, wallet)
    if not all(_due(one, unit.now) and one.id in empty for one in accounts):
        unit.write(rules.kept(wallet, unit.now))
        return False
    unit.delete(unit.one(VAULT_KEYS.get(wallet.key_id)))
    unit.write(*(rules.shred(one, unit.now) for one in accounts))
    unit.note(wallet.key_id)
    return True


def _due(wallet: Wallet, now: datetime) -> bool:
    return wallet.status == "disabled" and wallet.disabled_at is not None and now - wallet.disabled_at >= KEPT
