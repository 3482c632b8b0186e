"""API keys, with which a program signs its requests. Only a hash is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from shared.store.table import Index, Table

LIFETIME: Final = timedelta(days=90)  # of a key whose owner chose no expiry
MAX_LIFETIME: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """An API key. `hint` may be shown; the key itself was shown once and is not stored."""

    id: str  # key_…
    user_id: str
    name: str
    scopes: tuple[str, ...]
    hash: bytes = field(repr=False)
    hint: str
    expires_at: datetime | None
    last_used_at: datetime | None  # rounded to the hour
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def ends_at(self) -> datetime:
        """The expiry of the key; also for old rows, from before every key had an expiry."""
        return self.expires_at or self.created_at + LIFETIME

    def expired(self, now: datetime) -> bool:
        return now >= self.ends_at


API_KEYS = Table("api_keys", ApiKeyRow, ("id",))
API_KEYS_BY_USER = Index(
    "api_keys_by_user", API_KEYS, ("user_id", "created_at", "id"), frozenset({"created_at"})
)
