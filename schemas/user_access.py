"""What operators see of an account's access, and how administrators end it. No secret and no hash is in it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from schemas.api_keys import ApiKey
from schemas.auth import Reason
from schemas.base import Count, Flag, Id, Instant, Page, PageQuery, Request, Resource

if TYPE_CHECKING:
    from shared.domain.users import User
    from shared.identity.refresh_tokens import RefreshFamily


class ListUserApiKeys(PageQuery):
    id: Id


class ListUserSignIns(PageQuery):
    id: Id


class RevokeUserApiKey(Request):
    """`reason` is kept in the audit log and shown to the user."""

    id: Id
    api_key_id: Id
    reason: Reason


class EndUserSignIn(Request):
    """`reason` is kept in the audit log and shown to the user."""

    id: Id
    session_id: Id
    reason: Reason


class UserApiKeyPage(Page[ApiKey]):
    """The API keys of one account, also expired ones."""


class UserSignIn(Resource):
    """One sign-in. `user_agent` and `network` are those of its last refresh; only administrators see them.
    `last_used_at` is its last refresh or proof, or when it was ended. `ended_at`: signed out, revoked or expired.
    """

    id: str
    state: Literal["active", "ended"]
    factors: list[str]
    user_agent: str | None
    network: str | None
    authenticated_at: Instant
    second_factor_at: Instant | None
    last_used_at: Instant
    expires_at: Instant
    ended_at: Instant | None
    created_at: Instant

    @classmethod
    def of(cls, family: RefreshFamily, user: User, now: datetime, *, whole: bool) -> UserSignIn:
        """`whole`: with device and network."""
        valid = family.is_valid(now, user.sessions_after)
        return cls(
            id=family.id,
            state="active" if valid else "ended",
            factors=list(family.factors),
            user_agent=family.user_agent if whole else None,
            network=family.network if whole else None,
            authenticated_at=family.authenticated_at,
            second_factor_at=family.second_factor_at,
            last_used_at=family.updated_at,
            expires_at=family.expires_at,
            ended_at=None if valid else _ended_at(family, user),
            created_at=family.created_at,
        )


def _ended_at(family: RefreshFamily, user: User) -> datetime:
    """The earliest of what ended it."""
    after = user.sessions_after
    ended = after if after is not None and after > family.authenticated_at else None
    return min(moment for moment in (family.revoked_at, ended, family.expires_at) if moment is not None)


class FailedSignIns(Resource):
    """What failed recently. `passwords`: wrong ones from all networks within 15 minutes from `passwords_since`.
    `codes`: wrong ones of the second factor in a row, the last at `last_code_at`, without those from networks from
    which the owner has proved it within 30 days. `waiting`: networks from which the owner did not sign in within 30
    days have to wait.
    """

    passwords: Count
    passwords_since: Instant | None
    waiting: Flag
    codes: Count
    last_code_at: Instant | None


class UserSignInPage(Page[UserSignIn]):
    """The sign-ins of one account: those that stand, and those of the last 31 days that have ended."""

    failed: FailedSignIns
