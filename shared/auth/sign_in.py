"""The last step of every kind of sign-in: create a session row, an access token and a refresh token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared import resources
from shared.auth import second_factor
from shared.auth.sign_in_attempts import Attempt
from shared.domain.errors import Refusal
from shared.domain.permissions import Caller
from shared.domain.users import User
from shared.identity import refresh_tokens
from shared.identity.errors import InvalidCredentials, InvalidRefreshToken, SecondFactorRequired
from shared.identity.refresh_tokens import Device, RefreshFamily, RefreshToken
from shared.identity.tokens import SignedIn
from shared.runtime.clock import new_id
from shared.runtime.context import current
from shared.store.tables import sign_ins, users
from shared.store.unit_of_work import UnitOfWork
from shared.writes import commit

Spend = Callable[[UnitOfWork], None]


def open_session(
    user: User,
    factors: tuple[str, ...],
    attempt: Attempt | None = None,
    proof: second_factor.Proof | None = None,
    spends: Spend | None = None,
) -> SignedIn:
    """Sign in a user who has just proved who they are by `factors`, and by `proof` if the account has a second factor.

    The same commit records that `attempt` succeeded, and calls `spends` to spend a one-time proof. It reads the user
    again: raises InvalidCredentials if the user was disabled or the password changed in the meantime. Also raises
    TooManyAttempts, SecondFactorRequired if `proof` is missing, and the refusals of `proof`."""
    token = RefreshToken.generate(new_id("ses"))
    current().caller = Caller.of_user(user.id, user.roles, user.tier)
    opening = _Opening(user, token, factors, attempt, proof, spends)
    try:
        family, fresh, refusal = commit.commit(_open, opening)
    except SecondFactorRequired as missing:
        raise second_factor.with_challenge(user.id, missing) from None
    if refusal is not None:
        raise refusal
    assert family is not None
    return issued(fresh, family, token)


@dataclass(frozen=True, slots=True)
class _Opening:
    """The arguments of the commit of a sign-in."""

    user: User
    token: RefreshToken
    factors: tuple[str, ...]
    attempt: Attempt | None
    proof: second_factor.Proof | None
    spends: Spend | None


def _open(unit: UnitOfWork, opening: _Opening) -> tuple[RefreshFamily | None, User, Refusal | None]:
    user, attempt = opening.user, opening.attempt
    guards = attempt.queries if attempt else ()
    proving = opening.proof.queries if opening.proof else ()
    fresh, factor, *rows = unit.read_all(
        [users.USERS.get(user.id), sign_ins.FACTORS.find(user.id), *guards, *proving]
    )
    counted, proofs = rows[: len(guards)], rows[len(guards) :]
    if attempt is not None:
        attempt.check(*counted)  # now simultaneous attempts are counted, too
    if fresh.disabled or fresh.password_hash != user.password_hash:
        raise InvalidCredentials
    factors = opening.factors
    if factor is not None and factor.enrolled:
        if opening.proof is None:
            raise SecondFactorRequired(None, factors=factor.kinds)
        refusal = opening.proof.check(unit, factor, *proofs)
        if refusal is not None:
            unit.note(factor.id)
            return None, fresh, refusal
        factors = tuple(sorted((*factors, opening.proof.factor)))
    if attempt is not None:
        attempt.succeeded(unit, counted[0])
    if opening.spends is not None:
        opening.spends(unit)
    family = refresh_tokens.opened(opening.token, user.id, factors, unit.now, device=device())
    unit.write(family)
    unit.note(family.id)
    return family, fresh, None


def device() -> Device:
    """The client and network of the current request."""
    return Device(current().request.user_agent, current().request.network)


def refreshed(text: str) -> SignedIn:
    """Rotate a refresh token. Raises InvalidRefreshToken, and RefreshTokenReused after it has revoked the sign-in."""
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
    after, refusal = refresh_tokens.rotated(family, presented, successor, unit.now, device())
    user = unit.maybe(users.USERS.find(after.user_id))
    if user is None or user.disabled or (user.sessions_after or after.created_at) > after.authenticated_at:
        raise InvalidRefreshToken
    unit.context.caller = Caller.of_user(user.id, user.roles, user.tier)
    unit.write(after)
    return user, after, refusal


def issued(user: User, family: RefreshFamily, token: RefreshToken) -> SignedIn:
    """A new access token for the session, with its current refresh token."""
    access, expires_at = access_token(user, family)
    return SignedIn(access, token.text, expires_at)


def access_token(user: User, family: RefreshFamily) -> tuple[str, datetime]:
    """A new access token for the session, and its expiry."""
    access = resources.tokens().issue(
        user.id,
        user.roles,
        user.tier,
        session_id=family.id,
        authenticated_at=family.authenticated_at,
        factors=family.factors,
        now=resources.clock().now(),
        second_factor_at=family.second_factor_at,
        email_verified=user.proven,
    )
    return access.token, access.expires_at


def acting_token(admin: User, caller: Caller, user_id: str) -> tuple[str, datetime]:
    """An access token with which this administrator acts for one user, and its expiry. It cannot be refreshed."""
    assert caller.session_id is not None and caller.authenticated_at is not None
    access = resources.tokens().issue(
        admin.id,
        admin.roles,
        admin.tier,
        session_id=caller.session_id,
        authenticated_at=caller.authenticated_at,
        factors=caller.factors,
        now=resources.clock().now(),
        second_factor_at=caller.second_factor_at,
        acting_for=user_id,
    )
    return access.token, access.expires_at
