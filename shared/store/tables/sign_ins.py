"""Sign-ins: one row per refresh family; second factors and passkeys; what slows down guessing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from shared.identity.lockout import Guard
from shared.identity.refresh_tokens import RefreshFamily
from shared.identity.siwe_nonces import SpentNonce
from shared.store.table import Index, Query, Table


@dataclass(frozen=True, slots=True)
class Factor:
    """An account's second factors: an authenticator app (RFC 6238), which counts from `confirmed_at` on, and how many
    passkeys there are. One row, so that one read says whether sign-in needs more than a password."""

    id: str  # the user's
    sealed: bytes = field(repr=False)  # the authenticator's secret; empty: there is none
    master_key_id: str
    confirmed_at: datetime | None
    last_step: int | None  # the step of the last code that was taken: none before it counts again
    recovery: tuple[str, ...]  # SHA-256 of the recovery codes that are left, in hex
    failures: int  # wrong codes in a row
    failed_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
    passkeys: int | None = None

    @property
    def kinds(self) -> list[str]:
        """What can be proved."""
        totp = ["totp"] if self.confirmed_at is not None else []
        return totp + (["passkey"] if self.passkeys else [])

    @property
    def enrolled(self) -> bool:
        """Whether sign-in and step-up need it."""
        return bool(self.kinds)


@dataclass(frozen=True, slots=True)
class Passkey:
    """A WebAuthn credential as a second factor: its public key (COSE), and how often its authenticator says it
    signed."""

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
FACTORS = Table("second_factors", Factor, ("id",))
GUARDS = Table("sign_in_guards", Guard, ("id",))
SPENT_NONCES = Table("spent_nonces", SpentNonce, ("id",))


def enrolled(user_id: str) -> Query[bool]:
    """Whether the account has a confirmed second factor."""
    return FACTORS.find(user_id).then(lambda factor: factor is not None and factor.enrolled)
