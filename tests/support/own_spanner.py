"""The Spanner emulator of one test process, restarted between files when it has become slow.

The emulator slows down with every call, to a tenth of its speed after ten thousand
(docs/decisions/0008-emulator-gate.md). A restart takes a third of a second; creating a database in it takes as long
again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from emulators.stack import Stack

SLOW_SECONDS = 0.003  # limit for a read, which takes one millisecond at first
READS = 5


@dataclass
class OwnSpanner:
    """The emulator, and the empty databases that earlier tests have left in it: creating one takes longer than many
    tests.

    An emulator named by SPANNER_EMULATOR_HOST belongs to somebody else and is never restarted."""

    stack: Stack
    emptied: list[Any] = field(default_factory=list)

    def renew(self) -> None:
        """Restart it at the same address if it has become slow. It loses all data, so call this only between files."""
        if "spanner" not in self.stack.started or (self.emptied and not _slow(self.emptied[-1])):
            return
        self.stack.restart("spanner")
        self.emptied.clear()


def _slow(handle: Any) -> bool:
    """Tell whether it is slow. The fastest of several reads decides, because a busy machine slows down some of them."""
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
