"""Wrong passwords slow down the network that sends them, but cannot lock the account's owner out.

Failures count per account and network, and per account over all networks. A network at its limit must wait. An account
at its limit (NIST SP 800-63B §3.2.2 requires one) makes only those networks wait from which its owner has not signed in
within 30 days, so an attacker elsewhere never stops the owner at home. Refresh tokens, wallet sign-in and the reset by
mail are not affected. Addresses without an account are counted in the same way, so the answers reveal nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from shared.domain.errors import Refusal

WINDOW: Final = timedelta(minutes=15)
TRUSTED: Final = timedelta(days=30)
TRUST_AGAIN: Final = timedelta(days=1)  # how often the trust of a known network is renewed
ACCOUNT_FACTOR: Final = 10  # the limit of an account, as a multiple of the limit of one network
EVERYWHERE: Final = "*"


class TooManyAttempts(Refusal):
    """The same for known and unknown addresses; Retry-After says when the next attempt counts."""

    code, status, message = "TOO_MANY_ATTEMPTS", 429, "Too many failed attempts to sign in; try again later."

    def __init__(self, wait: timedelta) -> None:
        super().__init__()
        self.retry_after = max(1.0, float(int(wait.total_seconds()) + 1))  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class Guard:
    """The failures and the trust of one account, for one network or for EVERYWHERE."""

    id: str
    failures: int
    since: datetime  # when the window began
    trusted_until: datetime | None
    updated_at: datetime

    def count(self, now: datetime) -> int:
        return self.failures if now - self.since < WINDOW else 0

    def trusted(self, now: datetime, since: datetime | None = None) -> bool:
        """Whether the owner has signed in from this network within TRUSTED, and not before `since`."""
        if self.trusted_until is None or now >= self.trusted_until:
            return False
        return since is None or self.trusted_until - TRUSTED >= since


def guard_id(email: str, network: str, key: bytes) -> str:
    """The id of a guard row: an HMAC of account and network, which does not reveal the address."""
    text = f"sign-in\0{email}\0{network}".encode()
    return "grd_" + hmac.digest(key, text, hashlib.sha256).hex()[:40]


def check(here: Guard | None, everywhere: Guard | None, attempts: int, now: datetime) -> None:
    """Refuse an attempt before the password is verified. Raises TooManyAttempts."""
    if here is not None and here.count(now) >= attempts:
        raise TooManyAttempts(here.since + WINDOW - now)
    known = here is not None and here.trusted(now)
    if everywhere is not None and not known and everywhere.count(now) >= attempts * ACCOUNT_FACTOR:
        raise TooManyAttempts(everywhere.since + WINDOW - now)


def failed(guard: Guard | None, identity: str, now: datetime) -> Guard:
    """Count one more failure; start a new window if the old one is over."""
    if guard is None:
        return Guard(identity, 1, now, None, now)
    if now - guard.since >= WINDOW:
        return replace(guard, failures=1, since=now, updated_at=now)
    return replace(guard, failures=guard.failures + 1, updated_at=now)


def succeeded(
    guard: Guard | None, identity: str, now: datetime, trusted_since: datetime | None = None
) -> Guard:
    """Record that the owner signed in from this network, and reset its failures; the same row if nothing changes.

    Trust from before `trusted_since` does not count any more."""
    until = now + TRUSTED
    if guard is None:
        return Guard(identity, 0, now, until, now)
    trusted = guard.trusted_until if guard.trusted(now, trusted_since) else None
    fresh = trusted is not None and until - trusted < TRUST_AGAIN
    if guard.failures == 0 and fresh:
        return guard
    return replace(guard, failures=0, trusted_until=until, updated_at=now)
