"""The backfills of this release, in order. The next release removes a finished backfill."""

from __future__ import annotations

from schemas.database.backfill import Backfill

BACKFILLS: tuple[Backfill, ...] = ()
