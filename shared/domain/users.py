"""A user of the product, human or service."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from shared.domain.errors import InvalidValue, Refusal
from shared.domain.keep import KEEP, Keep

ROLES: Final = frozenset({"user", "service", "operator", "admin"})
TIERS: Final = frozenset({"basic", "premium", "enterprise", "service"})
MAX_EMAIL: Final = 254
# Excludes characters that separate addresses or begin a comment in a mail header (RFC 5322, 3.2.3), and the start of an
# encoded word (RFC 2047), which mail libraries decode: the text always names one mailbox, and itself.
_EMAIL: Final = re.compile(r"(?![^@]*=\?)[^@\s\x00-\x1f\x7f,;:<>()\[\]\\\"]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+")


class EmailTaken(Refusal):
    code, status, message = "EMAIL_TAKEN", 409, "There is an account with this e-mail address."


@dataclass(frozen=True, slots=True)
class User:
    """The row of a user. At least one of `email` and `address` is set; each is unique."""

    id: str  # usr_…
    email: str | None  # lower case
    # The wallet that signs in: EIP-55; the address of a contract wallet as CAIP-10, eip155:<chain id>:<address>.
    address: str | None
    password_hash: str | None = field(repr=False)  # argon2id; None: signs in with a wallet only
    roles: tuple[str, ...]  # user, service, operator, admin
    tier: str  # basic, premium, enterprise, service
    disabled: bool
    email_verified: bool  # somebody has proved access to the mailbox
    sessions_after: datetime | None  # sign-ins that were proved before this time have ended
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def proven(self) -> bool:
        """Whether a person has proved that the account is theirs: by its mailbox, or by each sign-in with a wallet."""
        return self.email is None or self.email_verified


def normal_email(text: str) -> str:
    """The address in lower case, without surrounding spaces, in the one form (NFKC) of letters that Unicode has several
    of: two spellings of an address are no two accounts. Raises InvalidValue naming `email`."""
    email = unicodedata.normalize("NFKC", text).strip().lower()
    if len(email) > MAX_EMAIL or not email.isprintable() or not _EMAIL.fullmatch(email):
        raise InvalidValue("email", "must be an e-mail address")
    return email


def register(
    *,
    user_id: str,
    now: datetime,
    email: str | None = None,
    password_hash: str | None = None,
    address: str | None = None,
    roles: Iterable[str] = ("user",),
    tier: str = "basic",
) -> User:
    """A new user; `email` is already normal. Raises InvalidValue if both e-mail and address are missing."""
    if email is None and address is None:
        raise InvalidValue("email", "is required")
    return User(
        id=user_id,
        email=email,
        address=address,
        password_hash=password_hash,
        roles=_roles(roles),
        tier=_tier(tier),
        disabled=False,
        email_verified=False,
        sessions_after=None,
        version=1,
        created_at=now,
        updated_at=now,
    )


def change(
    user: User,
    now: datetime,
    *,
    roles: Iterable[str] | Keep = KEEP,
    tier: str | Keep = KEEP,
    disabled: bool | Keep = KEEP,
    password_hash: str | Keep = KEEP,
    email_verified: bool | Keep = KEEP,
) -> User:
    """The user with changes by an administrator or the user; the same user if nothing changes.

    A new password, other roles, the first proof of the mailbox, and disabling end every earlier sign-in. Raises
    InvalidValue."""
    after = replace(
        user,
        roles=user.roles if isinstance(roles, Keep) else _roles(roles),
        tier=user.tier if isinstance(tier, Keep) else _tier(tier),
        disabled=user.disabled if isinstance(disabled, Keep) else disabled,
        password_hash=user.password_hash if isinstance(password_hash, Keep) else password_hash,
        email_verified=user.email_verified if isinstance(email_verified, Keep) else email_verified,
    )
    if after == user:
        return user
    proved = after.email_verified and not user.email_verified
    ends = proved or after.disabled or (after.password_hash, after.roles) != (user.password_hash, user.roles)
    sessions_after = now if ends else user.sessions_after
    return replace(after, sessions_after=sessions_after, version=user.version + 1, updated_at=now)


def erased(user: User, now: datetime) -> User:
    """The account without personal data. It cannot sign in any more; its id remains in the ledger and the audit log."""
    return replace(
        user,
        email=None,
        address=None,
        password_hash=None,
        disabled=True,
        email_verified=False,
        sessions_after=now,
        version=user.version + 1,
        updated_at=now,
    )


def _roles(roles: Iterable[str]) -> tuple[str, ...]:
    chosen = set(roles)
    if not chosen or not chosen <= ROLES:
        raise InvalidValue("roles", f"must be some of {', '.join(sorted(ROLES))}")
    return tuple(sorted(chosen))


def _tier(tier: str) -> str:
    if tier not in TIERS:
        raise InvalidValue("tier", f"must be one of {', '.join(sorted(TIERS))}")
    return tier
