"""Lock an open file against other processes. The lock ends with the last process that has the descriptor."""

from __future__ import annotations

import fcntl


def acquired(descriptor: int) -> bool:
    """Lock the file if nobody else has it; returns whether it is locked by us now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
