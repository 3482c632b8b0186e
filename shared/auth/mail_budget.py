"""Limit the mails that anybody can have sent to an address, from however many networks they ask.

An address is counted in the same way whether or not it has an account, so that nothing tells the two apart. The owner
loses nothing: a link to choose a password is valid for an hour, so the last one before the limit works until the next
hour begins.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, Literal

from shared import resources

LIMIT: Final = "mails_to_address"  # the name in RATE_LIMITS: mails of one kind to one address in an hour
Kind = Literal["reset", "registration"]


def take(kind: Kind, address: str) -> bool:
    """Count one mail of this kind. False if the address has got too many in this hour: then send none."""
    key = resources.settings().fingerprint_key
    text = f"mails\0{kind}\0{address}".encode(errors="replace")
    # The counter's name does not reveal the address.
    digest = hmac.digest(key, text, hashlib.sha256).hex()[:40]
    limiter = resources.limiter()
    return limiter.take(f"mails@{digest}", limiter.limit(LIMIT, "public"), resources.clock().now()).allowed
