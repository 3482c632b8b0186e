"""Sign-ins: one row per refresh family; and what slows down guessing."""

from __future__ import annotations

from shared.identity.lockout import Guard
from shared.identity.nonces import SpentNonce
from shared.identity.refresh import RefreshFamily
from shared.store.table import Index, Table

SESSIONS = Table("sessions", RefreshFamily, ("id",))
SESSIONS_BY_USER = Index("sessions_by_user", SESSIONS, ("user_id", "id"))
GUARDS = Table("sign_in_guards", Guard, ("id",))
SPENT_NONCES = Table("spent_nonces", SpentNonce, ("id",))
