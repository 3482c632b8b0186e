"""What only a person may do, and how freshly and strongly they must have proved who they are."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.domain.errors import Refusal
from shared.domain.permissions import Caller
from shared.runtime.errors import Forbidden

RECENT = timedelta(minutes=5)


class RecentLoginRequired(Refusal):
    """`data.within_seconds`: sign in again, then ask again within this time."""

    code, status = "RECENT_LOGIN_REQUIRED", 403
    message = "Sign in again first: this needs a recent sign-in."


class SecondFactorRequired(Refusal):
    code, status = "SECOND_FACTOR_REQUIRED", 403
    message = "Prove the second factor first: POST /auth/totp/verify."


def require_person(caller: Caller) -> None:
    """Raises Forbidden for an API key: it may never more than what its owner made it for."""
    if caller.kind == "api_key":
        raise Forbidden("An API key may not do this; sign in.")


def require_recent_login(caller: Caller, now: datetime) -> None:
    """Raises RecentLoginRequired unless the person proved who they are in the last five minutes."""
    require_person(caller)
    if not caller.signed_in_within(RECENT, now):
        raise RecentLoginRequired(within_seconds=int(RECENT.total_seconds()))


def require_second_factor(caller: Caller, *, enrolled: bool) -> None:
    """Raises SecondFactorRequired when the account has a second factor that this sign-in has not proved."""
    if enrolled and "otp" not in caller.factors:
        raise SecondFactorRequired
