"""A user of the product, human or service."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class User:
    """At least one of `email` and `address` is set; each is unique."""

    id: str  # usr_…
    email: str | None  # lower case
    address: str | None  # EIP-55, for signing in with a wallet
    password_hash: str | None = field(repr=False)  # argon2id; None: signs in with a wallet only
    roles: tuple[str, ...]  # user, service, operator, admin
    tier: str  # basic, premium, enterprise
    disabled: bool
    version: int
    created_at: datetime
    updated_at: datetime
