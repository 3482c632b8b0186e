"""Named crash points for fault tests: `FAULT_POINT=before_publish:3` kills the process at the third passage.

Only local runs read the variable and count; elsewhere `point` does nothing.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from typing import Final

POINTS: Final = frozenset(
    {
        "before_commit",
        "after_commit",
        "before_publish",
        "after_publish",
        "after_delete",
        "before_cache",
        "after_cache",
        "before_broadcast",
        "after_broadcast",
        "after_delivery",
    }
)
LOCAL: Final = os.environ.get("ENVIRONMENT", "local") == "local"


class _Trap:
    """The number of passages of each point, and the point that kills."""

    def __init__(self) -> None:
        self.passages: Counter[str] = Counter()
        self.armed: tuple[str, int] | None = None
        self.lock = threading.Lock()


_trap = _Trap()


def arm(place: str) -> None:
    """Set `point` or `point:passage` to kill the process, counted from now; "" disables it."""
    name, _, passage = place.partition(":")
    with _trap.lock:
        _trap.passages.clear()
        _trap.armed = (name, int(passage or 1)) if name else None


def passages() -> dict[str, int]:
    """The number of passages of each point since the last `arm`."""
    with _trap.lock:
        return dict(_trap.passages)


def point(name: str) -> None:
    """Kill the process with SIGKILL if this is the armed point and passage."""
    if not LOCAL:
        return
    with _trap.lock:
        _trap.passages[name] += 1
        if _trap.armed == (name, _trap.passages[name]):
            os.kill(os.getpid(), signal.SIGKILL)


arm(os.environ.get("FAULT_POINT", ""))
