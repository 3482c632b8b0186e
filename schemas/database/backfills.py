"""The backfills of this release, in order. A finished one is taken out by the release after it."""

from __future__ import annotations

from schemas.database.backfill import Backfill

BACKFILLS: tuple[Backfill, ...] = ()
