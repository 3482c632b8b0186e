"""A user's personal data: export it as one document, and erase it if the account has no funds or obligations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from schemas.auth import DeletedWallet
from shared import resources
from shared.auth import credentials
from shared.chain.registry import UnknownChain
from shared.domain import users as rules
from shared.domain.errors import Refusal
from shared.domain.wallets import wallets as wallet_rules
from shared.domain.wallets.wallets import Wallet, WalletInUse
from shared.funds import balances
from shared.store.partial_rows import UNREAD
from shared.store.session import Session
from shared.store.table import Index, Table
from shared.store.tables.api_keys import API_KEYS, API_KEYS_BY_USER
from shared.store.tables.claims import CLAIMS, CLAIMS_BY_USER
from shared.store.tables.contract_events import FOLLOWS, FOLLOWS_BY_OWNER, follows_of, unfollow
from shared.store.tables.contracts import CONTRACTS, CONTRACTS_BY_OWNER
from shared.store.tables.metadata import METADATA
from shared.store.tables.orders import ORDERS, ORDERS_BY_OWNER
from shared.store.tables.policies import POLICIES
from shared.store.tables.sign_ins import FACTORS, SESSIONS, SESSIONS_BY_USER
from shared.store.tables.supplies import SUPPLIES, SUPPLIES_BY_OWNER
from shared.store.tables.transactions import TRANSACTIONS, TRANSACTIONS_BY_OWNER
from shared.store.tables.users import USERS
from shared.store.tables.wallets import WALLETS, WALLETS_BY_OWNER
from shared.store.tables.webhooks import LANES, WEBHOOKS, WEBHOOKS_BY_OWNER
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import deletion

MAX_ROWS: Final = 10_000  # most rows of a kind in one document
MAX_WALLETS: Final = 50  # most wallets of an account that one commit can erase
_KINDS: Final[dict[str, tuple[Table[Any], Index[Any]]]] = {
    "sessions": (SESSIONS, SESSIONS_BY_USER),
    "api_keys": (API_KEYS, API_KEYS_BY_USER),
    "wallets": (WALLETS, WALLETS_BY_OWNER),
    "supplies": (SUPPLIES, SUPPLIES_BY_OWNER),
    "orders": (ORDERS, ORDERS_BY_OWNER),
    "claims": (CLAIMS, CLAIMS_BY_USER),
    "transactions": (TRANSACTIONS, TRANSACTIONS_BY_OWNER),
    "contracts": (CONTRACTS, CONTRACTS_BY_OWNER),
    "follows": (FOLLOWS, FOLLOWS_BY_OWNER),
    "webhooks": (WEBHOOKS, WEBHOOKS_BY_OWNER),
}
MAX_CHARACTERS: Final = 16_000_000  # of a document as JSON: an instance must hold several
AT_ONCE: Final = 200  # rows in one read
# Not in the document, because a single row may have a megabyte. They have routes of their own.
_LARGE: Final[dict[str, tuple[str, ...]]] = {
    "contracts": ("abi",),
    "follows": ("factory_abi",),
    "transactions": ("data",),
}
_SECRET: Final = frozenset({"password_hash", "hash", "family_hash", "current_hash", "key_id", "idem_key"})


class ConfirmDeletion(Refusal):
    """`data.wallets` lists the wallets whose keys exist; `data.export` says how to export them and the account's
    data."""

    code, status = "CONFIRMATION_REQUIRED", 409
    message = "Export the keys and data first, then delete the account with confirm=true."


class AccountInUse(Refusal):
    """`data.reason` (and `data.wallet_id`) say what still needs the account."""

    code, status, message = "ACCOUNT_IN_USE", 409, "The account still has funds or obligations."


def document(session: Session, user_id: str) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """(The rows by kind as plain JSON without secrets, the kinds whose rows did not all fit.)"""
    data = {"user": [_plain(USERS, session.one(USERS.get(user_id)))]}
    cut, room = [], MAX_CHARACTERS
    for kind, (table, index) in _KINDS.items():
        entries = session.many(index.scan(user_id, limit=MAX_ROWS + 1))
        data[kind], at = [], 0
        while at < min(len(entries), MAX_ROWS) and room > 0:
            some = entries[at : min(at + AT_ONCE, MAX_ROWS)]
            rows = session.follow(table, some, without=_LARGE.get(kind, ()))
            data[kind] += [_plain(table, row) for row in rows]
            room -= len(json.dumps(data[kind][-len(rows) :])) if rows else 0
            at += len(some)
        if at < len(entries):
            cut.append(kind)
    wallets = [(wallet["id"],) for wallet in data["wallets"]]
    data["policies"] = (
        [_plain(POLICIES, one) for one in session.many(POLICIES.get_many(wallets))] if wallets else []
    )
    return data, cut


def _plain(table: Table[Any], row: Any) -> dict[str, Any]:
    return {name: _json(value) for name, value in table.encode(row).items() if not _hidden(name, value)}


def _hidden(name: str, value: Any) -> bool:
    return name in _SECRET or isinstance(value, bytes) or value is UNREAD


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def wallets_of(session: Session, user_id: str) -> list[Wallet]:
    """The user's wallets whose keys still exist. Raises AccountInUse if there are too many for one commit."""
    entries = session.many(WALLETS_BY_OWNER.scan(user_id))
    kept = [entry for entry in entries if entry["status"] != "shredded"]
    if len(kept) > MAX_WALLETS:
        raise AccountInUse(reason="too_many_wallets", limit=MAX_WALLETS)
    return session.follow(WALLETS, kept)


def examine(wallets: list[Wallet]) -> list[DeletedWallet]:
    """Check that each wallet is empty, and list the assets that were checked. Asks the chains.

    Raises AccountInUse if a wallet holds something or its chain is not served any more, ChainError."""
    examined = []
    for wallet in wallets:
        try:
            held, _ = balances.of_registry(resources.chain(wallet.chain), wallet.address)
        except UnknownChain:
            raise AccountInUse(reason="chain_not_served", wallet_id=wallet.id) from None
        if any(amount for _, amount in held):
            raise AccountInUse(reason="holds_value", wallet_id=wallet.id)
        symbols = [asset.symbol for asset, _ in held]
        examined.append(
            DeletedWallet(wallet_id=wallet.id, chain=wallet.chain, address=wallet.address, looked_at=symbols)
        )
    return examined


def erase(unit: UnitOfWork, user_id: str, examined: frozenset[str]) -> None:
    """Disable every wallet, delete all credentials, and remove all personal data from the account.

    The keys are kept like those of any deleted wallet: for 30 days and until their wallets are empty. So tokens that
    were not checked, and coins on other chains, are not lost at once. `examined` are the ids of the wallets that
    `examine` found empty. Raises AccountInUse if something still needs the account."""
    user = unit.one(USERS.get(user_id))
    wallets = wallets_of(unit, user_id)
    for wallet in wallets:
        if wallet.id not in examined:
            raise AccountInUse(reason="holds_value", wallet_id=wallet.id)
        unit.write(_ended(unit, wallet))
    unit.delete(*_belongings(unit, user_id, wallets))
    unfollow(unit, follows_of(unit, user_id))
    unit.write(rules.erased(user, unit.now))
    unit.audit(user_id, wallets=[wallet.id for wallet in wallets])


def _ended(unit: UnitOfWork, wallet: Wallet) -> Wallet:
    """The disabled wallet, without personal data. Raises AccountInUse if something still needs it."""
    if wallet.status == "active":
        try:
            wallet = deletion.disable(unit, wallet, balance=False, force=False)
        except WalletInUse as refusal:
            raise AccountInUse(wallet_id=wallet.id, **refusal.data) from None
    return wallet_rules.erased(wallet)


def _belongings(unit: UnitOfWork, user_id: str, wallets: list[Wallet]) -> Iterator[Any]:
    """The rows to delete: policies, API keys, sessions, second factors, contracts, webhooks and metadata entries.
    Encrypted keys stay until `deletion` shreds them."""
    for table in (WALLETS, CONTRACTS):
        yield from unit.many(METADATA.scan(user_id, table.name))
    yield from unit.many(POLICIES.get_many((wallet.id,) for wallet in wallets)) if wallets else ()
    yield from unit.follow(API_KEYS, unit.many(API_KEYS_BY_USER.scan(user_id)))
    yield from unit.follow(SESSIONS, unit.many(SESSIONS_BY_USER.scan(user_id)))
    yield from credentials.passkeys(unit, user_id)
    yield from unit.follow(
        CONTRACTS, unit.many(CONTRACTS_BY_OWNER.scan(user_id)), without=_LARGE["contracts"]
    )
    endpoints = unit.follow(WEBHOOKS, unit.many(WEBHOOKS_BY_OWNER.scan(user_id)))
    yield from endpoints
    yield from unit.many(LANES.get_many((one.id,) for one in endpoints)) if endpoints else ()
    factor = unit.maybe(FACTORS.find(user_id))
    yield from () if factor is None else (factor,)
