"""Sign-ins (one row per refresh family), second factors, passkeys, and limits on guessing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from shared.identity.lockout import Guard
from shared.identity.refresh_tokens import RefreshFamily
from shared.identity.siwe_nonces import SpentNonce
from shared.store.table import Index, Query, Table


@dataclass(frozen=True, slots=True)
class Factor:
    """The second factors of an account: an authenticator app (RFC 6238), which is active from `confirmed_at` on, and
    the number of passkeys. One row, so that one read shows whether sign-in needs more than a password."""

    id: str  # the user's
    sealed: bytes = field(repr=False)  # the authenticator's secret; empty if there is none
    master_key_id: str
    confirmed_at: datetime | None
    last_step: int | None  # the step of the last accepted code; it and earlier ones are refused
    recovery: tuple[str, ...]  # SHA-256 of the remaining recovery codes, in hex
    failures: int  # wrong codes in a row
    failed_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
    passkeys: int | None = None
    trusted_after: datetime | None = (
        None  # networks from which it was proved before do not count as the owner's
    )
    warned_at: datetime | None = None  # when the owner was last notified of wrong codes

    @property
    def kinds(self) -> list[str]:
        """The kinds of second factors that the account can use."""
        totp = ["totp"] if self.confirmed_at is not None else []
        return totp + (["passkey"] if self.passkeys else [])

    @property
    def enrolled(self) -> bool:
        """Whether sign-in and step-up require a second factor."""
        return bool(self.kinds)


@dataclass(frozen=True, slots=True)
class Passkey:
    """A WebAuthn credential as a second factor: its public key (COSE), and the signature counter
    of its authenticator."""

    id: str  # pky_…
    user_id: str
    credential_id: str  # base64url
    public_key: bytes = field(repr=False)
    sign_count: int
    name: str
    last_used_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


PASSKEYS = Table("passkeys", Passkey, ("id",))
PASSKEYS_BY_USER = Index("passkeys_by_user", PASSKEYS, ("user_id", "id"))
SESSIONS = Table("sessions", RefreshFamily, ("id",))
SESSIONS_BY_USER = Index("sessions_by_user", SESSIONS, ("user_id", "id"))
SESSIONS_BY_USER_TIME = Index(
    "sessions_by_user_time", SESSIONS, ("user_id", "created_at", "id"), frozenset({"created_at"})
)
FACTORS = Table("second_factors", Factor, ("id",))
GUARDS = Table("sign_in_guards", Guard, ("id",))
SPENT_NONCES = Table("spent_nonces", SpentNonce, ("id",))


def enrolled(user_id: str) -> Query[bool]:
    """Whether the account has a confirmed second factor."""
    return FACTORS.find(user_id).then(lambda factor: factor is not None and factor.enrolled)
