"""Authenticate the caller: an access token, an API key, or nobody for a public operation. Everything else is denied.

A token is verified without a database read. An API key and its owner are read on every call, so that revoking the key,
disabling the owner or removing roles takes effect at once. Both reads are by primary key.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared import resources
from shared.adapters.rate_limits import TooManyRequests
from shared.auth import denials
from shared.domain.permissions import Caller, narrowed, permissions_of
from shared.domain.users import User
from shared.identity.errors import InvalidApiKey, Unauthenticated
from shared.runtime.context import current
from shared.runtime.operation import PUBLIC

if TYPE_CHECKING:
    from shared.identity.api_keys import ApiKey
    from shared.store.tables.api_keys import ApiKeyRow

_log = logging.getLogger(__name__)
USED_EVERY = timedelta(hours=1)  # the precision of `last_used_at`


def caller(headers: Mapping[str, str], permission: str) -> Caller | None:
    """The caller that the headers prove; None for a public operation.

    Raises Unauthenticated (401) if there is no valid credential, or if there are two."""
    if permission == PUBLIC:
        return None
    bearer, key = headers.get("authorization"), headers.get("x-api-key")
    if key is not None and bearer is None:
        return _of_key(key.strip(), resources.clock().now())
    scheme, _, token = (bearer or "").partition(" ")
    if key is not None or scheme.lower() != "bearer" or not token:
        raise Unauthenticated()
    return resources.tokens().verify(token.strip(), resources.clock().now())


def _of_key(text: str, now: datetime) -> Caller:
    """The caller of an API key.

    Raises InvalidApiKey if the key is malformed, unknown or expired, or if its user is disabled or deleted, and
    TooManyRequests for a network that has sent too many such keys."""
    from shared.identity.api_keys import ApiKey

    presented = ApiKey.parse(text)
    row, user = _counted(presented, now)
    unnoted = row.last_used_at is None or now - row.last_used_at >= USED_EVERY
    if unnoted and current().rights.writes:  # a read-only operation has no right to write
        _used(row.id, now)
    return Caller(
        user_id=user.id,
        kind="api_key",
        roles=frozenset(user.roles),
        permissions=narrowed(permissions_of(user.roles), row.scopes),
        tier=user.tier,
        session_id=row.id,
        email_verified=user.proven,
        expires_at=row.ends_at,
    )


def _counted(presented: ApiKey, now: datetime) -> tuple[ApiKeyRow, User]:
    """The key's row and its owner. Keys that turn out to be none count against their network, before any read. A key
    that was valid lately does not: made-up keys from a shared network do not keep it out.

    Raises InvalidApiKey, TooManyRequests."""
    recent = resources.memory(RecentKeys)
    if presented.hash in recent:
        try:
            return _looked_up(presented, now)
        except InvalidApiKey:
            recent.forget(presented.hash)
            raise
    limiter, network = resources.limiter(), f"api-keys@{current().request.network}"
    rate = limiter.take(network, limiter.limit("api_keys", "public"), now)
    if not rate.allowed:
        raise TooManyRequests(rate, now)
    found = _looked_up(presented, now)
    limiter.give_back(network, now)
    recent.remember(presented.hash)
    return found


class RecentKeys:
    """The hashes of keys that were valid when this process last read them. They say nothing about now."""

    MOST = 2_000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hashes: OrderedDict[bytes, None] = OrderedDict()

    def __contains__(self, presented: bytes) -> bool:
        return presented in self._hashes

    def forget(self, invalid: bytes) -> None:
        with self._lock:
            self._hashes.pop(invalid, None)

    def remember(self, valid: bytes) -> None:
        with self._lock:
            self._hashes[valid] = None
            if len(self._hashes) > self.MOST:
                self._hashes.popitem(last=False)


def _looked_up(presented: ApiKey, now: datetime) -> tuple[ApiKeyRow, User]:
    """The key's row and its owner. Raises InvalidApiKey, after an audit row if the key exists."""
    from shared.store.session import Session
    from shared.store.tables.api_keys import API_KEYS
    from shared.store.tables.users import USERS

    session = Session(resources.database().snapshot())
    row: ApiKeyRow | None = session.maybe(API_KEYS.find(presented.id))
    try:
        presented.verify(row.hash if row else None)
        assert row is not None
        user: User | None = session.maybe(USERS.find(row.user_id))
        if user is None or user.disabled or row.expired(now):
            raise InvalidApiKey
    except InvalidApiKey as refusal:
        if row is not None:
            denials.record(row.id, refusal)
        raise
    return row, user


def still_valid(callers: Sequence[Caller], now: datetime) -> list[bool]:
    """Whether the credentials of each caller, who was authenticated some time ago, are still valid. Reads all
    credentials and their owners together."""
    from shared.store.session import Session
    from shared.store.tables.api_keys import API_KEYS
    from shared.store.tables.sign_ins import SESSIONS
    from shared.store.tables.users import USERS

    by_key = {caller.session_id or "" for caller in callers if caller.kind == "api_key"}
    by_token = {caller.session_id for caller in callers if caller.session_id and caller.kind != "api_key"}
    users, keys, sign_ins = Session(resources.database().snapshot()).read(
        USERS.get_many((user,) for user in sorted({caller.user_id for caller in callers})),
        API_KEYS.get_many((key,) for key in sorted(by_key)),
        SESSIONS.get_many((one,) for one in sorted(by_token)),
    )
    owners = {user.id: user for user in users}
    credentials: dict[str | None, Any] = {key.id: key for key in keys}
    credentials |= {one.id: one for one in sign_ins}
    return [
        _still_valid(caller, owners.get(caller.user_id), credentials.get(caller.session_id), now)
        for caller in callers
    ]


def _still_valid(caller: Caller, user: User | None, credential: Any, now: datetime) -> bool:
    from shared.writes import session_check

    if caller.kind == "api_key":
        return (
            credential is not None and not credential.expired(now) and user is not None and not user.disabled
        )
    if caller.session_id is None or caller.kind == "system":
        return True
    try:
        session_check.SessionCheck().check(user, credential)
    except Unauthenticated:
        return False
    return True


def _used(key_id: str, now: datetime) -> None:
    """Store the time of last use; a failure here never fails the request."""
    from shared.store.port import StoreError, Write

    columns = ("id", "last_used_at")
    try:
        resources.database().write([Write("update", "api_keys", columns, (key_id, now))])
    except StoreError as error:
        _log.warning("an API key's use was not noted", extra={"error": type(error).__name__})
