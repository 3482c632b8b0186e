"""Check that the caller's session and account are still valid: not ended, not disabled.

An access token is valid for 15 minutes and is checked without a read. Operations that change something, sign or show
a key do not rely on that alone: the caller's rows are read together with the operation's own reads (see
`UnitOfWork.check_along`). Rows outlive tokens, so a missing row means nothing: a session's row is deleted a day after
its end, an account's never.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared import resources
from shared.domain.permissions import Caller
from shared.identity.errors import EmailUnverified, Unauthenticated

if TYPE_CHECKING:
    from shared.domain.users import User
    from shared.identity.refresh_tokens import RefreshFamily
    from shared.store.table import Query


class SignInEnded(Unauthenticated):
    code, message = "SIGN_IN_ENDED", "This sign-in has ended; sign in again."


@dataclass(frozen=True, slots=True)
class SessionCheck:
    """The rows of a caller to read, and the check of their content."""

    queries: tuple[Query[Any], ...] = ()
    proven: bool = False  # whether the user's mailbox must be verified

    def check(self, user: User | None = None, sign_in: RefreshFamily | None = None) -> None:
        """Check the rows. Raises SignInEnded, EmailUnverified."""
        if user is not None and user.disabled:
            raise SignInEnded
        if self.proven and user is not None and not user.proven:
            raise EmailUnverified
        if sign_in is None:
            return
        ended = user is not None and user.sessions_after and user.sessions_after > sign_in.authenticated_at
        if ended or sign_in.revoked_at is not None:
            raise SignInEnded


NOTHING = SessionCheck()


def of(caller: Caller | None) -> SessionCheck:
    """The check for a token's or a command's caller. API keys were already read during authentication; the system is
    always allowed."""
    if caller is None or caller.kind in ("api_key", "system"):
        return NOTHING
    if caller.session_id is None and caller.kind != "command":
        return NOTHING  # the caller is signing in
    from shared.store.tables.sign_ins import SESSIONS
    from shared.store.tables.users import USERS

    user = USERS.find(caller.user_id)
    if caller.session_id is None:  # a command, which always changes something
        return SessionCheck((user,), resources.settings().require_verified_email)
    return SessionCheck((user, SESSIONS.find(caller.session_id)))
