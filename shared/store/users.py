"""Users by id, e-mail or address."""

from __future__ import annotations

from shared.domain.users import User
from shared.store.table import Index, Table

USERS = Table("users", User, ("id",))
USERS_BY_EMAIL = Index("users_by_email", USERS, ("email",), unique=True, null_filtered=True)
USERS_BY_ADDRESS = Index("users_by_address", USERS, ("address",), unique=True, null_filtered=True)
