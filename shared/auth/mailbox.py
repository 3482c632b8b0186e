"""Prove access to a mailbox. Somebody else may have set up the account before that, so what they set up ends."""

from __future__ import annotations

from dataclasses import replace

from shared.auth import credentials, notices
from shared.domain import users as rules
from shared.domain.keep import KEEP, Keep
from shared.domain.users import User
from shared.domain.wallets import wallets as wallet_rules
from shared.store.tables.wallets import WALLETS, WALLETS_BY_OWNER
from shared.store.unit_of_work import UnitOfWork


def prove(unit: UnitOfWork, user: User, password_hash: str | Keep = KEEP) -> User:
    """The account after somebody has proved access to its mailbox, and perhaps chosen a new password.

    The first proof and each new password end all sign-ins and API keys. The first proof also ends second factors,
    webhooks and sign-in by wallet, and marks the wallets created before it, which are then never chosen by default. A
    later reset keeps second factors, because they protect from somebody who can only read the mailbox."""
    first = not user.email_verified
    after = rules.change(user, unit.now, password_hash=password_hash, email_verified=True)
    if first:
        after = replace(after, address=None)
        credentials.end_second_factors(unit, user.id)
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


def _mark_wallets(unit: UnitOfWork, user_id: str) -> None:
    entries = unit.many(WALLETS_BY_OWNER.scan(user_id))
    kept = unit.follow(WALLETS, [entry for entry in entries if entry["status"] != "shredded"])
    unit.write(*(wallet_rules.mark_unproven(wallet, unit.now) for wallet in kept))
