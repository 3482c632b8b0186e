"""Prove a mailbox. Whoever set up something in the account before may have been somebody else, so all of it ends."""

from __future__ import annotations

from dataclasses import replace

from shared.auth import credentials, notices
from shared.domain import users as rules
from shared.domain.desk.states import KEEP, Keep
from shared.domain.users import User
from shared.domain.wallets import wallets as wallet_rules
from shared.store.tables.sign_ins import FACTORS
from shared.store.tables.wallets import WALLETS, WALLETS_BY_OWNER
from shared.store.unit_of_work import UnitOfWork


def prove(unit: UnitOfWork, user: User, password_hash: str | Keep = KEEP) -> User:
    """The account after somebody proved to read its mailbox, perhaps choosing a password by that.

    Sign-ins and API keys end each time. The first time ends second factors and the wallet that signs in, too, and marks
    the wallets that were made before: they are never chosen by default. Later, a second factor outlives a reset: it is
    what protects from who only reads the mailbox."""
    first = not user.email_verified
    after = rules.change(user, unit.now, password_hash=password_hash, email_verified=True)
    if first:
        after = replace(after, address=None)
        _end_factors(unit, user.id)
        _mark_wallets(unit, user.id)
        credentials.disable_webhooks(unit, user.id)
    if first or not isinstance(password_hash, Keep):
        credentials.end_api_keys(unit, user.id)
        credentials.end_sessions(unit, user.id)
    if first:
        notices.record(unit, user.id, "mailbox_proven")
    unit.write(after)
    unit.audit(user.id, before={"email_verified": user.email_verified}, after={"email_verified": True})
    return after


def _end_factors(unit: UnitOfWork, user_id: str) -> None:
    factor = unit.maybe(FACTORS.find(user_id))
    if factor is not None:
        unit.delete(factor, *credentials.passkeys(unit, user_id))


def _mark_wallets(unit: UnitOfWork, user_id: str) -> None:
    entries = unit.one(WALLETS_BY_OWNER.scan(user_id))
    kept = unit.follow(WALLETS, [entry for entry in entries if entry["status"] != "shredded"])
    unit.write(*(wallet_rules.mark_unproven(wallet, unit.now) for wallet in kept))
