"""What every way to sign in ends with: a session row, an access token and a refresh token."""

from __future__ import annotations

from datetime import datetime

from shared import resources
from shared.auth.sign_in_attempts import Attempt
from shared.domain.permissions import Caller
from shared.domain.users import User
from shared.identity import refresh_tokens
from shared.identity.errors import InvalidCredentials, InvalidRefreshToken
from shared.identity.refresh_tokens import RefreshFamily, RefreshToken
from shared.identity.tokens import SignedIn
from shared.runtime.clock import new_id
from shared.runtime.context import current
from shared.store.tables import sign_ins, users
from shared.store.unit_of_work import UnitOfWork
from shared.writes import commit


def open_session(user: User, factors: tuple[str, ...], attempt: Attempt | None = None) -> SignedIn:
    """Sign in this user, who has just proved who they are by `factors`; `attempt` is told that it succeeded.

    The user is read again in the commit: raises InvalidCredentials when it was disabled, or its password
    changed, in the meantime."""
    token = RefreshToken.generate(new_id("ses"))
    current().caller = Caller.of_user(user.id, user.roles, user.tier)
    family, fresh = commit.commit(_open, user, token, factors, attempt)
    return issued(fresh, family, token)


def _open(
    unit: UnitOfWork, user: User, token: RefreshToken, factors: tuple[str, ...], attempt: Attempt | None
) -> tuple[RefreshFamily, User]:
    if attempt is None:
        fresh = unit.one(users.USERS.get(user.id))
    else:
        fresh, guard = unit.read(users.USERS.get(user.id), sign_ins.GUARDS.find(attempt.here))
        attempt.succeeded(unit, guard)
    if fresh.disabled or fresh.password_hash != user.password_hash:
        raise InvalidCredentials
    family = refresh_tokens.opened(token, user.id, factors, unit.now)
    unit.write(family)
    unit.note(family.id)
    return family, fresh


def refreshed(text: str) -> SignedIn:
    """Rotate a refresh token. Raises InvalidRefreshToken; RefreshTokenReused after the sign-in was ended for it."""
    presented = RefreshToken.parse(text)
    successor = presented.successor()
    user, family, refusal = commit.commit(_rotate, presented, successor)
    if refusal is not None:
        raise refusal
    return issued(user, family, successor)


def _rotate(
    unit: UnitOfWork, presented: RefreshToken, successor: RefreshToken
) -> tuple[User, RefreshFamily, InvalidRefreshToken | None]:
    family = unit.maybe(sign_ins.SESSIONS.find(presented.family_id))
    after, refusal = refresh_tokens.rotated(family, presented, successor, unit.now)
    user = unit.maybe(users.USERS.find(after.user_id))
    if user is None or user.disabled or (user.sessions_after or after.created_at) > after.authenticated_at:
        raise InvalidRefreshToken
    unit.context.caller = Caller.of_user(user.id, user.roles, user.tier)
    unit.write(after)
    return user, after, refusal


def issued(user: User, family: RefreshFamily, token: RefreshToken) -> SignedIn:
    """A new access token for the session, beside its current refresh token."""
    access, expires_at = access_token(user, family)
    return SignedIn(access, token.text, expires_at)


def access_token(user: User, family: RefreshFamily) -> tuple[str, datetime]:
    """A new access token for the session, and its end."""
    access = resources.tokens().issue(
        user.id,
        user.roles,
        user.tier,
        session_id=family.id,
        authenticated_at=family.authenticated_at,
        factors=family.factors,
        now=resources.clock().now(),
    )
    return access.token, access.expires_at
