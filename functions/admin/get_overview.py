"""Get the overview for operators: what is waiting and since when, and what the supplies hold.

It may be a few seconds old.
"""

from __future__ import annotations

import threading
import time

from schemas.operators import Overview
from shared import resources
from shared.desk import overview
from shared.domain.permissions import Caller
from shared.runtime.operation import http

SECONDS = 3.0  # for which this process returns the same overview to everybody


class LastOverview:
    """The newest overview that this process has read."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.read_at = 0.0
        self.view: Overview | None = None


@http("GET", "/admin/overview", permission="admin:read", answer=Overview)
def get_overview(caller: Caller) -> Overview:
    last = resources.memory(LastOverview)
    with last.lock:
        if last.view is None or time.monotonic() - last.read_at > SECONDS:
            last.view, last.read_at = overview.read(), time.monotonic()
        return last.view
