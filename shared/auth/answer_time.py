"""Equal answer times, so that the time of an answer does not tell whether an account exists."""

from __future__ import annotations

import time

from shared import resources

SECONDS = 0.5  # duration of a registration or a reset request for any address; not in local runs


def equalise(started: float) -> None:
    """Wait until SECONDS after `started` (time.monotonic()). Not in local runs."""
    if not resources.settings().local:
        time.sleep(max(0.0, SECONDS - (time.monotonic() - started)))
