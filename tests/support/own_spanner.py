"""The Spanner emulator of one test process, started anew between files once it has become slow.

The emulator slows down with every call that it has served, to a tenth of its speed after ten thousand
(docs/decisions/0008-emulator-gate.md). Starting it takes a third of a second, making a database in it one more.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from emulators.stack import Stack

SLOW_SECONDS = 0.003  # of a read, which takes one millisecond at first
READS = 5


@dataclass
class OwnSpanner:
    """The emulator, and databases in it that earlier tests have left empty: making one takes longer than many a test.

    One that SPANNER_EMULATOR_HOST names belongs to somebody else and is never started anew."""

    stack: Stack
    emptied: list[Any] = field(default_factory=list)

    def renew(self) -> None:
        """Start it anew, at the same address, if it has become slow. It forgets everything: between files alone."""
        if "spanner" not in self.stack.started or (self.emptied and not _slow(self.emptied[-1])):
            return
        self.stack.restart("spanner")
        self.emptied.clear()


def _slow(handle: Any) -> bool:
    """Of several reads, the fastest says it: a busy machine slows down some of them."""
    from google.cloud.spanner import KeySet

    session = handle.session()
    session.create()
    taken = []
    for _ in range(READS):
        began = time.monotonic()
        list(session.read("migrations", ("name",), KeySet(all_=True)))
        taken.append(time.monotonic() - began)
    session.delete()
    return min(taken) > SLOW_SECONDS
