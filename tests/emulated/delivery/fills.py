"""A backfill for the tests. `DIE_AT=3` kills its process at the third row that it receives."""

from __future__ import annotations

import itertools
import os
import signal
from typing import Any

from schemas.database.backfill import Backfill
from shared.store.tables.users import USERS

_given = itertools.count(1)


def lowered(row: dict[str, Any]) -> dict[str, Any] | None:
    """The tier in lower case: it shows that the backfill has changed every row once."""
    if next(_given) == int(os.environ.get("DIE_AT", "0")):
        os.kill(os.getpid(), signal.SIGKILL)
    return {"tier": row["tier"].lower()} if row["tier"] != row["tier"].lower() else None


BACKFILLS = (Backfill("lower-tiers", USERS, ("tier",), lowered),)
