"""Named crash points for fault tests: `FAULT_POINT=before_publish:3` kills the process at the third passage.

Only local runs look at the variable; elsewhere `point` does nothing.
"""

from __future__ import annotations

import itertools
import os
import signal
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
    }
)
_wanted, _, _times = os.environ.get("FAULT_POINT", "").partition(":")
_armed = bool(_wanted) and os.environ.get("ENVIRONMENT", "local") == "local"
_passages = itertools.count(1)


def point(name: str) -> None:
    """Die here by SIGKILL when this is the armed point and passage."""
    if _armed and name == _wanted and next(_passages) == int(_times or 1):
        os.kill(os.getpid(), signal.SIGKILL)
