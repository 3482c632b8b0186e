"""Step-up: operations that only a person may call, after proving recently who they are."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.domain.errors import Refusal
from shared.domain.permissions import Caller
from shared.runtime.errors import Forbidden

RECENT = timedelta(minutes=5)


class StepUpRequired(Refusal):
    """`data.within_seconds`, and `data.prove`: `second_factor` (POST /auth/totp/verify or /auth/passkeys/verify) where
    the account has one or needs one, else `sign_in` (sign in again)."""

    code, status = "STEP_UP_REQUIRED", 403
    message = "This needs a recent proof of who you are: prove it again, then repeat the request."

    def __init__(self, prove: str) -> None:
        super().__init__(None, within_seconds=int(RECENT.total_seconds()), prove=prove)


def require_person(caller: Caller) -> None:
    """Raises Forbidden unless a person calls for themselves: not an API key, a command, or an administrator who acts
    for another user."""
    if caller.kind in ("api_key", "command"):
        raise Forbidden("An API key or a command may not do this; sign in.")
    if caller.acting_for is not None:
        raise Forbidden("Who acts for somebody else may not do this.")


def require(caller: Caller, now: datetime, *, enrolled: bool) -> None:
    """Require a person who has proved who they are in the last five minutes.

    If the account has a second factor (`enrolled`), they must have proved that one; otherwise they must have signed
    in. Raises Forbidden for a caller that is not a person, otherwise StepUpRequired."""
    require_person(caller)
    require_acting(caller, now, enrolled=enrolled)


def require_acting(caller: Caller, now: datetime, *, enrolled: bool) -> None:
    """Like `require`, but an administrator who acts for another user is allowed, too."""
    if enrolled:
        if not caller.proved_factor_within(RECENT, now):
            raise StepUpRequired("second_factor")
    elif not caller.signed_in_within(RECENT, now):
        raise StepUpRequired("sign_in")
