"""End the credentials of an account: API keys, sessions, second factors, webhooks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from shared.auth import notices
from shared.domain.webhooks import endpoints
from shared.domain.webhooks.lanes import stopped
from shared.identity import refresh_tokens
from shared.store.session import Session
from shared.store.tables import webhooks
from shared.store.tables.api_keys import API_KEYS, API_KEYS_BY_USER
from shared.store.tables.sign_ins import (
    FACTORS,
    PASSKEYS,
    PASSKEYS_BY_USER,
    SESSIONS,
    SESSIONS_BY_USER,
    Passkey,
)
from shared.store.unit_of_work import UnitOfWork


def end_api_keys(unit: UnitOfWork, user_id: str) -> int:
    """Delete every API key of the account, notify its owner if there was one, and return their number."""
    keys = unit.follow(API_KEYS, unit.many(API_KEYS_BY_USER.scan(user_id)))
    unit.delete(*keys)
    if keys:
        ids = [key.id for key in keys]
        unit.audit(user_id, ended_api_keys=ids)
        notices.record(unit, user_id, "api_keys_ended", count=str(len(ids)))
    return len(keys)


def end_sessions(unit: UnitOfWork, user_id: str, *, keep: Collection[str | None] = ()) -> int:
    """End every sign-in of the account except those to `keep`, forget all networks from which its second factor was
    proved, notify its owner, and return how many ended."""
    _, entries = unit.read(FACTORS.find(user_id), SESSIONS_BY_USER.scan(user_id))
    forget_networks(unit, user_id)
    families = unit.follow(SESSIONS, entries)
    ended = [one for one in families if one.id not in keep and one.revoked_at is None]
    unit.write(*(refresh_tokens.revoked(one, unit.now) for one in ended))
    if ended:
        unit.audit(user_id, ended_sign_ins=[one.id for one in ended])
        notices.record(unit, user_id, "sign_ins_ended", count=str(len(ended)))
    return len(ended)


def forget_networks(unit: UnitOfWork, user_id: str) -> None:
    """Count no network as the owner's until the second factor is proved there again."""
    factor = unit.maybe(FACTORS.find(user_id))
    if factor is not None:
        unit.write(replace(factor, trusted_after=unit.now, version=factor.version + 1, updated_at=unit.now))


def end_second_factors(unit: UnitOfWork, user_id: str) -> list[str]:
    """Delete the account's authenticator app and passkeys, and return which kinds it could use."""
    factor = unit.maybe(FACTORS.find(user_id))
    if factor is None:
        return []
    unit.delete(factor, *passkeys(unit, user_id))
    return factor.kinds


def disable_webhooks(unit: UnitOfWork, user_id: str) -> None:
    """Disable every webhook endpoint of the account, so that the person who set it up receives no more events."""
    active = [one for one in webhooks.of_user(unit, user_id) if one.active]
    lanes = unit.many(webhooks.LANES.get_many((one.id,) for one in active)) if active else []
    unit.write(*(endpoints.disabled(one, "account_recovered", unit.now) for one in active))
    unit.write(*map(stopped, lanes))
    if active:
        unit.audit(user_id, disabled_webhooks=[one.id for one in active])


def still_active(unit: UnitOfWork, user_id: str) -> dict[str, str]:
    """The numbers of the account's active webhook endpoints and API keys after this unit's changes, for a notice."""
    hooks, keys = unit.read(webhooks.WEBHOOKS_BY_OWNER.scan(user_id), API_KEYS_BY_USER.scan(user_id))
    active = [one for one in unit.follow(webhooks.WEBHOOKS, hooks) if one.active]
    valid = [one for one in unit.follow(API_KEYS, keys) if not one.expired(unit.now)]
    return {"active_webhooks": str(len(active)), "active_api_keys": str(len(valid))}


def passkeys(unit: Session, user_id: str) -> Sequence[Passkey]:
    """The account's passkeys."""
    return unit.follow(PASSKEYS, unit.many(PASSKEYS_BY_USER.scan(user_id)))
